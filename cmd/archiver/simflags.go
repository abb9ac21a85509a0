package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"archiver/internal/ucwa/ucwatest"
)

// simFlags say how the simulator behaves.
type simFlags struct {
	addr    string
	remote  bool
	trust   string
	account string
	faults  []string
	opt     ucwatest.Options
	verbs   bool
}

func (f *simFlags) flags(set *pflag.FlagSet) {
	set.StringVar(&f.addr, "addr", defaultSimAddr, "`HOST:PORT` to listen at; port 0 picks a free one")
	set.BoolVar(&f.remote, "remote", false, "allow an address that other machines can reach")
	set.StringVar(&f.trust, "trust-file", "", "write the certificate that clients have to trust for https to this `FILE`")
	set.StringVar(&f.account, "account", "", "let the scenario be of another `ADDRESS` than the one in it")
	set.StringArrayVar(&f.faults, "fault", nil, "break requests by a `SPEC`:\n"+ucwatest.FaultHelp)
	o := &f.opt
	f.times(set)
	f.shapes(set)
	set.IntVar(&o.MaxApplications, "max-applications", 20, "how many applications one user may have")
	set.BoolVar(&o.History, "history", false, "keep conversationLogs and missedItems, as servers from 2015 on can")
	set.BoolVar(&o.KeepNoHistory, "forbid-history", false, "set the policy that clients are not to save what was written")
	set.BoolVar(&o.Embed, "embed", false, "embed participants in events instead of linking to them")
	set.BoolVar(&o.Forbid, "forbid-tokens", false, "answer a bad token with 403 instead of the challenge")
	set.BoolVar(&o.JoinChallenge, "join-challenge", false, "send both challenges in one header line")
	set.BoolVar(&o.Known200, "known-200", false, "answer 200 instead of 201 when an endpointId is known")
	set.BoolVar(&o.OmitSender, "omit-sender", false, "leave sender out of empty answers")
	set.BoolVar(&o.Extend, "extend", true, "add to a batch that is asked for again what has happened since (some clients never get on to the next)")
	set.BoolVar(&o.Aggregate, "aggregate", false, "let changes that wait for a P-GET collapse: several updates to the last, an operation to its end")
	set.BoolVar(&o.Priorities, "priorities", false, "hold events of medium priority back as long as the client allows")
	set.BoolVar(&o.Lync2013, "lync-2013", false, "be a server of before 2015: no history, five links in communication, no resources of version 2")
	set.StringVar(&o.OtherClient, "other-client", "", "let another client of the account `accept|decline` whatever rings there")
	set.StringArrayVar(&o.Redirects, "redirect", nil, "`HOST:PORT` that autodiscovery leads on to; several are a chain, and one that comes again makes it a circle")
	set.BoolVar(&o.LinkOnly, "link-only", false, "answer autodiscovery over http with the link to https alone")
	set.StringArrayVar(&o.Unhomed, "unhomed", nil, "`ADDRESS` of somebody who can get a token but has no home here: 404")
	set.StringSliceVar(&o.Grants, "grants", nil, "grant `TYPES` on offer: windows, anonmeeting, password, passive (default: the first three); only password gets a token")
	set.StringVar(&o.AuthorizationURI, "authorization-uri", "", "`URL` that is authorization_uri in the Bearer challenge, as with modern authentication")
	set.StringVar(&o.Home, "home", "", "`HOST:PORT` to which autodiscovery leads on; tokens of the first host are no good there")
}

// times are the flags about how long things take.
func (f *simFlags) times(set *pflag.FlagSet) {
	o := &f.opt
	set.DurationVar(&o.Hold, "hold", 0, "answer an idle P-GET after this time, whatever the client asks for")
	set.DurationVar(&o.Pace, "pace", 0, "time between two batches of the scenario's history")
	set.DurationVar(&o.TokenLife, "token-life", 0, "how long a token is accepted (default: for ever)")
	set.DurationVar(&o.Ring, "ring", 30*time.Second, "how long an invitation rings, and a message waits to be fetched")
	set.DurationVar(&o.Answer, "answer", 200*time.Millisecond, "how long people without a client take to answer")
	set.DurationVar(&o.Silence, "silence", 15*time.Minute, "how long an application lives without a P-GET")
	set.DurationVar(&o.Idle, "idle", 15*time.Minute, "how long an available one lives without a report of activity")
}

// shapes are the flags about how bodies look.
func (f *simFlags) shapes(set *pflag.FlagSet) {
	o := &f.opt
	set.BoolVar(&o.Started, "started", false, "tell messages as started instead of completed")
	set.BoolVar(&o.ISODates, "iso-dates", false, "write times as ISO 8601 instead of /Date(ms)/")
	set.BoolVar(&o.AbsoluteHrefs, "absolute-hrefs", false, "write hrefs with scheme and host")
	set.BoolVar(&o.BOM, "bom", false, "begin bodies with a UTF-8 byte order mark")
	set.BoolVar(&o.MixedCase, "mixed-case", false, "write addresses in capital and in small letters by turns")
	set.BoolVar(&o.ArrayLinks, "array-links", false, "write links that may be several as arrays, even of one")
	set.StringVar(&o.Paths, "paths", "", "older servers' paths `v0|v1`: v1 for /ucwa/v1, v0 for /ucwa/oauth/v0 with people('…')")
}

// check refuses flags that say nothing sensible, and reads the faults.
func (f *simFlags) check() error {
	for _, spec := range f.faults {
		fault, err := ucwatest.ParseFault(spec)
		if err != nil {
			return invalid("%v", err)
		}
		f.opt.Faults = append(f.opt.Faults, fault)
	}
	o := &f.opt
	for flag, d := range map[string]time.Duration{
		"hold": o.Hold, "pace": o.Pace, "token-life": o.TokenLife, "ring": o.Ring, "answer": o.Answer, "silence": o.Silence, "idle": o.Idle,
	} {
		if d < 0 {
			return invalid("--%s is a time like 20s, not %s", flag, d)
		}
	}
	if o.MaxApplications < 1 {
		return invalid("--max-applications is 1 or more, not %d", o.MaxApplications)
	}
	if f.account != "" && !strings.Contains(f.account, "@") {
		return invalid("--account is an address like zoe@contoso.example, not %q", f.account)
	}
	for _, one := range []struct{ flag, value, first, second string }{
		{"other-client", f.opt.OtherClient, "accept", "decline"}, {"paths", f.opt.Paths, "v0", "v1"},
	} {
		if !slices.Contains([]string{"", one.first, one.second}, one.value) {
			return invalid("--%s is %s or %s, not %q", one.flag, one.first, one.second, one.value)
		}
	}
	for _, g := range f.opt.Grants {
		if !slices.Contains([]string{"windows", "anonmeeting", "password", "passive"}, g) {
			return invalid("--grants has no %q: windows, anonmeeting, password or passive", g)
		}
	}
	return nil
}
