package webhook_test

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/sinks/webhook"
)

// denied is every range that is not the internet, as the registries have it, independent of how the guard is written.
var denied = strings.Fields(`0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
	192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
	::/128 ::1/128 ::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8`)

func TestNoAddressInADeniedRangeIsDialled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := netip.MustParsePrefix(rapid.SampledFrom(denied).Draw(t, "range"))
		a := within(p, rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bits"))
		for _, spelled := range spellings(a) {
			if err := webhook.CheckAddr(spelled, nil); err == nil {
				t.Fatalf("%s of %s may be dialled", spelled, p)
			}
		}
	})
}

// within puts the first bits of p before bits.
func within(p netip.Prefix, bits []byte) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= bits[i/8] & (0x80 >> (i % 8))
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// spellings of an address: as it is, as IPv6, behind a gateway, by 6to4, with a zone.
func spellings(a netip.Addr) []netip.Addr {
	if a.Is6() {
		return []netip.Addr{a, a.WithZone("eth0")}
	}
	b := a.As4()
	gateway, sixToFour := [16]byte{0, 0x64, 0xff, 0x9b}, [16]byte{0x20, 0x02}
	copy(gateway[12:], b[:])
	copy(sixToFour[2:], b[:])
	return []netip.Addr{a, netip.AddrFrom16(a.As16()), netip.AddrFrom16(a.As16()).WithZone("1"), netip.AddrFrom16(gateway), netip.AddrFrom16(sixToFour)}
}

func TestEveryOtherAddressIsDialled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{4, 16}).Draw(t, "bytes")
		a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "address"))
		if n == 16 && !netip.MustParsePrefix("2000::/3").Contains(a) || a == netip.MustParseAddr("168.63.129.16") {
			return
		}
		for _, d := range denied {
			if netip.MustParsePrefix(d).Contains(a) {
				return
			}
		}
		if err := webhook.CheckAddr(a, nil); err != nil {
			t.Fatalf("%s: %v", a, err)
		}
	})
}

func TestAllowedRanges(t *testing.T) {
	for _, tc := range []struct {
		allow, addr string
		ok          bool
	}{
		{"10.0.0.0/8", "10.1.2.3", true},
		{"10.0.0.0/8", "::ffff:10.1.2.3", true},
		{"10.0.0.0/8", "11.1.2.3", true},
		{"10.0.0.0/8", "192.168.1.1", false},
		{"10.0.0.0/8", "64:ff9b::a01:203", false},
		{"10.0.0.0/8,64:ff9b::/96", "64:ff9b::a01:203", true},
		// A gateway that is allowed leads to no address that is not.
		{"64:ff9b::/96", "64:ff9b::a01:203", false},
		{"64:ff9b::/96", "64:ff9b::808:808", true},
		{"64:ff9b::/96", "64:ff9b::a9fe:a9fe", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.2", false},
		// Whoever allows everything has hardly thought of these.
		{"0.0.0.0/0,::/0", "169.254.169.254", false},
		{"0.0.0.0/0,::/0", "::ffff:169.254.169.254", false},
		{"0.0.0.0/0,::/0", "fe80::1%eth0", false},
		{"0.0.0.0/0,::/0", "fd00:ec2::254", false},
		{"0.0.0.0/0,::/0", "100.100.100.200", false},
		{"169.254.0.0/16", "169.254.169.254", false},
		{"169.254.169.254", "169.254.169.254", true},
		{"fe80::1", "fe80::1%eth0", true},
		{"0.0.0.0/0,::/0", "192.168.1.1", true},
		{"0.0.0.0/0,::/0", "fd00::1", true},
	} {
		var allow webhook.CIDRs
		if err := allow.UnmarshalText([]byte(tc.allow)); err != nil {
			t.Fatal(err)
		}
		err := webhook.CheckAddr(netip.MustParseAddr(tc.addr), allow)
		if (err == nil) != tc.ok {
			t.Errorf("%s with %s allowed: %v, want it to be so: %v", tc.addr, tc.allow, err, tc.ok)
		}
		if err != nil && !strings.Contains(err.Error(), "ALLOW_CIDRS") {
			t.Errorf("%s: the error does not say what to try: %v", tc.addr, err)
		}
	}
}
