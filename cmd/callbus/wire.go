package main

import (
	"github.com/callbus/callbus/ingest/bulutfon"
	"github.com/callbus/callbus/ingest/telsam"
	"github.com/callbus/callbus/ingest/verimor"
	"github.com/callbus/callbus/ingest/while1"
)

// vendors are the providers of callbus, one line each. This is the only file that knows them.
func vendors() []vendor {
	return []vendor{
		vendorOf("telsam", telsam.Defaults, telsam.New),
		vendorOf("verimor", verimor.Defaults, verimor.New),
		vendorOf("bulutfon", bulutfon.Defaults, bulutfon.New),
		vendorOf("while1", while1.Defaults, while1.New),
	}
}
