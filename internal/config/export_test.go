package config

import "reflect"

// Keys are the names of all settings, for tests that walk the table.
func Keys() (all, account []string) {
	for _, k := range general {
		all = append(all, k.name)
	}
	for _, k := range perAccount {
		account = append(account, k.name)
	}
	return all, account
}

// Tags are the names that the struct of an account reads.
func Tags() (out []string) {
	t := reflect.TypeFor[Account]()
	for i := range t.NumField() {
		out = append(out, t.Field(i).Tag.Get("koanf"))
	}
	return out
}
