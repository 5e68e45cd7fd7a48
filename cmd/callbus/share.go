package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

// share makes this process one of those that share out the accounts and the sinks.
func (e *engine) share(ctx context.Context, cfg Config) error {
	var kinds []stream.DutyKind
	if cfg.Roles.Ingest {
		kinds = append(kinds, stream.AccountDuty)
	}
	if cfg.Roles.Sinks {
		kinds = append(kinds, stream.SinkDuty)
	}
	if len(kinds) == 0 {
		return nil
	}
	c := stream.RosterConfig{ID: e.processID(), Lasting: e.bus.server != nil, Kinds: kinds, Take: e.take, Drop: e.drop, Log: e.log}
	var err error
	if e.roster, err = e.bus.Roster(ctx, c); err != nil {
		return err
	}
	e.meters.share(e.roster)
	e.group.Go(func() error { return e.roster.Run(ctx) })
	if cfg.Roles.Sinks {
		e.deliver(ctx, cfg)
	}
	if cfg.Roles.Ingest {
		e.watch(ctx, cfg)
	}
	return nil
}

// embeddedID is the name of the process that runs the embedded server. There is one at a time: it has the folder.
const embeddedID = "embedded"

func (e *engine) processID() string {
	if e.bus.server != nil {
		return embeddedID
	}
	host, err := os.Hostname()
	if err != nil {
		host = "callbus"
	}
	return stream.ProcessID(host)
}

// take begins what the roster says is this process's.
func (e *engine) take(ctx context.Context, d stream.Duty, t stream.Term) error {
	if d.Kind == stream.SinkDuty {
		return e.sinks.take(ctx, e.bus.Bus, d.Name)
	}
	return e.fleet.take(ctx, d.Name, t)
}

// drop ends it.
func (e *engine) drop(d stream.Duty) {
	if d.Kind == stream.SinkDuty {
		e.sinks.stop(d.Name)
		return
	}
	e.fleet.stop(d.Name)
}

// sinksFirst is how long accounts wait for the sinks of this process to begin, so that a new sink gets what they publish.
const sinksFirst = 10 * time.Second

// deliver offers to deliver for every sink of the settings.
func (e *engine) deliver(ctx context.Context, cfg Config) {
	for _, c := range cfg.Sinks {
		e.sinks.know(c)
		e.roster.Want(stream.Duty{Kind: stream.SinkDuty, Name: c.Name}, stream.Wish{Settings: digest(c), Since: e.began})
	}
	ctx, cancel := context.WithTimeout(ctx, sinksFirst)
	defer cancel()
	e.roster.Await(ctx, stream.SinkDuty)
}

// watch offers to watch the accounts of the settings, and follows the accounts folder.
func (e *engine) watch(ctx context.Context, cfg Config) {
	for _, a := range cfg.Accounts {
		e.offer(ctx, a, e.began)
	}
	if cfg.AccountsDir != "" {
		d := newAccountsDir(cfg.AccountsDir, dirEvery, cfg.accountReader().read)
		e.group.Go(func() error { d.watch(ctx, func(c accountChange) { e.apply(ctx, c) }); return nil })
	}
}

// offer says that this process may watch a, whose settings are of that time.
func (e *engine) offer(ctx context.Context, a Account, since time.Time) {
	if err := e.fleet.know(ctx, a); err != nil {
		e.log.Error("the account cannot be watched with its new settings", "account", a.Name, "error", err)
		return
	}
	e.roster.Want(stream.Duty{Kind: stream.AccountDuty, Name: a.Name}, stream.Wish{Settings: a.digest(), Since: since})
}

// apply follows a change of the accounts folder.
func (e *engine) apply(ctx context.Context, c accountChange) {
	log := e.log.With("account", c.Name)
	switch c.Kind {
	case accountFaulty:
		log.Error("the accounts folder: a file is wrong; what ran before by that name goes on", "error", c.Err)
	case accountRemoved:
		e.roster.Unwant(stream.Duty{Kind: stream.AccountDuty, Name: c.Name})
		e.fleet.forget(c.Name)
		log.Info("the accounts folder: account removed")
	default:
		e.offer(ctx, c.Account, c.Since)
		log.Info("the accounts folder: account " + string(c.Kind))
	}
}

// digest stands for the account's settings, wherever they stand.
func (a Account) digest() string {
	a.Where = ""
	return digest(a)
}

// digest stands for settings: processes that have the same may take turns. Secrets are not in it; who changes one changes it
// everywhere.
func digest(settings any) string { return events.Hash("settings", fmt.Sprintf("%+v", settings)) }
