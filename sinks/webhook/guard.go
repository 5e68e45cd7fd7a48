package webhook

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"
)

// A BlockedError refuses an address that is not public and that ALLOW_CIDRS does not name. Nothing was sent there.
type BlockedError struct{ Addr netip.Addr }

func (e *BlockedError) Error() string {
	if metadata.cover(e.Addr) {
		return fmt.Sprintf("the address %s is link-local or a cloud's metadata service, and is refused; if it is meant, name that one address in ALLOW_CIDRS", e.Addr)
	}
	return fmt.Sprintf("the address %s is not public, and is refused; if it is meant, name it or its range in ALLOW_CIDRS", e.Addr)
}

// public are the addresses that the internet may route at all.
var public = CIDRs{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("2000::/3")}

// reserved are those among them that lead home, elsewhere than they say, or nowhere: the special-purpose registries of
// IANA, and 64:ff9b::/96 and its like, which are other spellings of IPv4 addresses, outside 2000::/3.
var reserved = CIDRs{
	netip.MustParsePrefix("0.0.0.0/8"),       // this host
	netip.MustParsePrefix("10.0.0.0/8"),      // private
	netip.MustParsePrefix("100.64.0.0/10"),   // carriers' NAT
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local, metadata
	netip.MustParsePrefix("172.16.0.0/12"),   // private
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),  // private
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("224.0.0.0/4"),     // multicast
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, broadcast
	netip.MustParsePrefix("2001::/23"),       // Teredo and other assignments
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4: an IPv4 address inside
	netip.MustParsePrefix("3fff::/20"),       // documentation
}

// metadata are addresses at which a cloud hands out credentials to whoever asks. A range never allows them.
var metadata = CIDRs{
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle Cloud
	netip.MustParsePrefix("fd00:ec2::254/128"),  // AWS
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google Cloud
}

// nat64 holds every IPv4 address in its last 32 bits; a gateway makes one of the other.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// A guard says which addresses may be dialled.
type guard struct{ allow CIDRs }

// check returns a [*BlockedError] unless a may be dialled.
func (g guard) check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if !g.allows(a) {
		return &BlockedError{a}
	}
	if nat64.Contains(a) { // allowed: but the one who is reached is another
		b := a.As16()
		return g.check(netip.AddrFrom4([4]byte(b[12:])))
	}
	return nil
}

func (g guard) allows(a netip.Addr) bool {
	switch {
	case metadata.cover(a):
		return g.allow.name(a)
	case g.allow.cover(a):
		return true
	}
	return public.cover(a) && !reserved.cover(a)
}

// control is called by a [net.Dialer] with each address it is about to dial.
func (g guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address to dial cannot be read, and is refused: %w", err)
	}
	return g.check(to.Addr())
}
