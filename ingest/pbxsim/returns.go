package pbxsim

// firstReturns returns, for the number of each missed call that one of calls returns, the first such call that was
// answered. A call back that reached nobody and was tried again is one, once it is answered. calls are in order of
// beginning, from the end of the missed calls on.
func firstReturns(calls []*Call) map[int]*Call {
	first, missed := map[int]*Call{}, map[int]int{}
	for _, c := range calls {
		of, ok := c.Returns, c.Returns >= 0
		if !ok {
			of, ok = missed[c.Redials]
		}
		if !ok {
			continue
		}
		missed[c.N] = of
		if c.Answered() && first[of] == nil {
			first[of] = c
		}
	}
	return first
}
