package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/callbus/callbus/events/setting"
)

// CIDRs are ranges of addresses.
type CIDRs []netip.Prefix

// UnmarshalText reads ranges such as 10.0.0.0/8, and single addresses, separated by commas.
func (c *CIDRs) UnmarshalText(text []byte) error {
	var (
		ranges CIDRs
		faults []error
	)
	for s := range strings.SplitSeq(string(text), ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		p, err := cidr(s)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		ranges = append(ranges, p)
	}
	*c = ranges
	return errors.Join(faults...)
}

func cidr(s string) (netip.Prefix, error) {
	const accepted = "ranges such as 10.0.0.0/8 and addresses such as 192.168.1.20 are accepted, separated by commas"
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%s is no range of addresses; %s", setting.Quote(s), accepted)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits set behind its length, and may mean %s or one address; %s", s, p.Masked(), accepted)
	}
	return p, nil
}

// cover tells whether one of the ranges holds a.
func (c CIDRs) cover(a netip.Addr) bool {
	for _, p := range c {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// name tells whether a stands among the ranges by itself.
func (c CIDRs) name(a netip.Addr) bool {
	for _, p := range c {
		if p.IsSingleIP() && p.Addr() == a {
			return true
		}
	}
	return false
}
