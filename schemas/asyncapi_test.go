package schemas_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/schemas"
)

func TestTheAsyncAPIDocumentHasOneChannelForEachType(t *testing.T) {
	document := decoded(t, schemas.AsyncAPI())
	channels := document["channels"].(node)
	if len(channels) != len(events.Types()) {
		t.Errorf("%d channels for %d types", len(channels), len(events.Types()))
	}
	for _, typ := range events.Types() {
		channel, ok := channels[string(typ)].(node)
		if !ok {
			t.Errorf("no channel for %s", typ)
			continue
		}
		if address, _ := channel["address"].(string); !strings.HasPrefix(address, string(typ)+".{account}.{") {
			t.Errorf("the channel of %s has the address %s", typ, address)
		}
		if operation, _ := document["operations"].(node)[string(typ)].(node); operation["action"] != "send" {
			t.Errorf("the operation of %s = %v, want that callbus sends", typ, operation)
		}
	}
}

func TestTheAsyncAPIDocumentHoldsTheVerySchemas(t *testing.T) {
	components := decoded(t, schemas.AsyncAPI())["components"].(node)["schemas"].(node)
	for _, name := range schemas.List() {
		want := load(t, name)
		delete(want, "$schema")
		delete(want, "$id")
		if !reflect.DeepEqual(components[name], any(want)) {
			t.Errorf("the AsyncAPI document's schema %s is not that of the file", name)
		}
	}
}
