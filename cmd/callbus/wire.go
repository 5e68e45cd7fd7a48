package main

import "github.com/callbus/callbus/ingest/telsam"

// vendors are the providers of callbus, one line each. This is the only file that knows them.
func vendors() []vendor {
	return []vendor{
		vendorOf("telsam", telsam.Defaults, telsam.New),
	}
}

// vendorNamed returns the vendor of that name, which there must be.
func vendorNamed(name string) vendor {
	for _, v := range vendors() {
		if v.name == name {
			return v
		}
	}
	panic("no vendor " + name)
}
