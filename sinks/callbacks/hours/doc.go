// Package hours knows when a business is open: a [Calendar] tells whether it is, when it opens next, and when so much time
// of its being open will have passed. Reminders to call back are counted in that time, so that a call missed on Friday
// evening is due on Monday morning.
//
// # What the settings mean
//
// HOURS are windows of days of the week: Mon-Fri 09:00-12:00 13:00-18:00,Sat 10:00-14:00,Fri 22:00-06:00. Days may wrap
// (Sat-Mon), and a window that ends earlier than it begins ends on the next day. Windows that overlap or touch are one.
//
// TIMEZONE is an IANA name, and UTC when it is empty. The program embeds the zones (time/tzdata); this package does not.
//
// HOLIDAYS are exceptions: 2026-04-23 is closed, and so is each day of 2026-03-30..2026-04-02, and 12-25 every year (02-29
// in the years that have one). 2026-12-31 09:00-12:00 has these hours instead of those of its day of the week. Special
// hours win over a closed day, however the two are written, and those of one date add up. There are none for every year:
// they would open a Sunday.
//
// A window belongs to the day on which it begins, whole: the night of a Friday, 22:00-06:00, lasts until six although
// Saturday is closed, and does not take place when Friday is, although Saturday is open.
//
// # What it guarantees
//
// Whether it is open depends on what the clock on the wall shows, and on nothing else. All about clocks that are changed
// follows from that, in any zone:
//
//   - In spring, a window that begins in the hour that is left out opens when that hour would have been, at the first
//     moment that there is. One that lies within that hour does not take place.
//   - In autumn, a time in the hour that is shown twice is meant both times: 02:00-03:00 is two hours long that night, and
//     a window until 02:30 closes for half an hour when the clock is set back, and opens again.
//   - A day that a zone leaves out (30 December 2011 in Samoa) does not take place, nor what of the night before would
//     have fallen on it.
//
// A window holds its begin and not its end: the closing instant is closed. Time is counted as it passes, not as the clock
// shows it. An answer is never before what was asked about, it is open, and it is in UTC. To add time in two parts is to
// add it at once.
//
// A Calendar never changes; many may use it at a time. Nothing here reads a clock, and only [Parse] reads a file: that of
// the zone, where the system has it.
//
// # How it fails
//
// [Parse] names every fault, each by its variable, and what is accepted. What it accepts is open at some time of the plain
// week. Holidays may still cover everything: when there is no opening for ten years, the answer is the zero time, which
// means never. Never stays never, whatever is added to it.
package hours
