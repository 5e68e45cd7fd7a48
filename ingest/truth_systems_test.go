package ingest_test

import (
	"net/http"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/telsam"
	"github.com/callbus/callbus/ingest/verimor"
	"github.com/callbus/callbus/ingest/while1"
)

// system is a simulated PBX of one vendor and what watches it.
type system struct {
	provider    string
	recordsOnly bool // it shows no active calls
	skew        time.Duration
	grace       time.Duration // how long after the fact an event may take
	settings    ingest.Settings
	view        func(*pbxsim.World) pbxsim.View
	open        func(*http.Client) (any, error)
}

const simulated = "http://pbx.example"

func telsamSystem(cfg pbxsim.TelsamConfig) system {
	return system{
		provider: "telsam", skew: cfg.Skew, grace: time.Minute, settings: telsam.Defaults(),
		view: func(w *pbxsim.World) pbxsim.View { return pbxsim.NewTelsam(w, cfg, time.Now) },
		open: func(c *http.Client) (any, error) {
			return telsam.New(telsam.Config{
				URL: simulated, Username: "callbus", Password: secret.New("callbus"), Timezone: cfg.Zone.String(),
			}, c)
		},
	}
}

func verimorSystem(cfg pbxsim.VerimorConfig) system {
	return system{
		provider: "verimor", recordsOnly: true, skew: cfg.Skew, grace: time.Minute, settings: verimor.Defaults(),
		view: func(w *pbxsim.World) pbxsim.View { return pbxsim.NewVerimor(w, cfg, time.Now) },
		open: func(c *http.Client) (any, error) {
			return verimor.New(verimor.Config{URL: simulated, Key: secret.New("callbus")}, c)
		},
	}
}

func bulutfonSystem(cfg pbxsim.BulutfonConfig) system {
	return system{
		provider: "bulutfon", recordsOnly: true, skew: cfg.Skew, grace: time.Minute, settings: bulutfon.Defaults(),
		view: func(w *pbxsim.World) pbxsim.View { return pbxsim.NewBulutfon(w, cfg, time.Now) },
		open: func(c *http.Client) (any, error) {
			return bulutfon.New(bulutfon.Config{URL: simulated, Token: secret.New("callbus")}, c)
		},
	}
}

func while1System(cfg pbxsim.While1Config) system {
	return system{
		provider: "while1", recordsOnly: true, skew: cfg.Skew, grace: time.Minute, settings: while1.Defaults(),
		view: func(w *pbxsim.World) pbxsim.View { return pbxsim.NewWhile1(w, cfg, time.Now) },
		open: func(c *http.Client) (any, error) {
			return while1.New(while1.Config{URL: simulated, Token: secret.New("callbus"), Key: secret.New(cfg.Key), Timezone: "Europe/Bucharest"}, c)
		},
	}
}
