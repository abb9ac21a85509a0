package config

import (
	"path/filepath"
	"runtime"
)

// fileName is the name of the file of settings.
const fileName = "config.toml"

// systemFile holds the settings of a machine where the user has none.
const systemFile = "/etc/archiver/" + fileName

// Dir is the platform's directory for this user's settings. It is never that
// of the archive, which may be shared and copied.
func Dir(env func(string) string) string {
	if dir := env("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "archiver")
	}
	if dir := env("APPDATA"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "archiver")
	}
	return filepath.Join(env("HOME"), ".config", "archiver")
}

// File is where the settings of a user are or would be: by flag, environment
// or custom.
func File(flag string, env func(string) string) string {
	if flag != "" {
		return flag
	}
	if file := env("ARCHIVER_CONFIG"); file != "" {
		return file
	}
	return filepath.Join(Dir(env), fileName)
}

// DefaultArchive is the platform's directory for the archive of this user.
func DefaultArchive(env func(string) string) string {
	if dir := env("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "archiver")
	}
	if dir := env("LOCALAPPDATA"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "archiver")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(env("HOME"), "Library", "Application Support", "archiver")
	}
	return filepath.Join(env("HOME"), ".local", "share", "archiver")
}
