#!/usr/bin/env bash
# Holds callbus.service to systemd: that it reads it without a warning, that it leaves little to see, and that callbus
# itself asks for no system call and no kind of socket that the unit refuses.
set -euo pipefail
cd "$(dirname "$0")/../.."
unit=deploy/systemd/callbus.service
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "systemd: $*" >&2
  exit 1
}

mkdir -p "$work/tree/usr/lib/systemd" "$work/tree/etc/systemd/system"
cp -a /usr/lib/systemd/system "$work/tree/usr/lib/systemd/"
install -D -m 0755 bin/callbus "$work/tree/usr/bin/callbus"
install -m 0644 "$unit" "$work/tree/etc/systemd/system/"
systemd-analyze verify --man=no --root="$work/tree" callbus.service 2>&1 | tee "$work/verify"
[ ! -s "$work/verify" ] || fail "systemd has something to say of $unit"
systemd-analyze security --offline=yes --root="$work/tree" --threshold=15 callbus.service >"$work/security" || {
  cat "$work/security" >&2
  fail "the unit leaves more to see than it should"
}
tail -1 "$work/security"

systemd-sysusers --dry-run "$PWD"/deploy/systemd/callbus.sysusers >/dev/null 2>"$work/users" || fail "callbus.sysusers: $(cat "$work/users")"

# members SET... writes the system calls of sets, also of those within them.
members() {
  local name
  for name; do
    systemd-analyze syscall-filter "$name" | sed -n 's/^ \+\([@a-z0-9_-]\+\)$/\1/p' | while read -r member; do
      case $member in @*) members "$member" ;; *) echo "$member" ;; esac
    done
  done
}
allowed=$(sed -n 's/^SystemCallFilter=\([^~].*\)/\1/p' "$unit")
refused=$(sed -n 's/^SystemCallFilter=~\(.*\)/\1/p' "$unit")
[ -n "$allowed" ] && [ -n "$refused" ] || fail "$unit filters no system calls"
# shellcheck disable=SC2086 # they are several words
comm -23 <(members $allowed @default | sort -u) <(members $refused | sort -u) >"$work/allowed"
[ "$(wc -l <"$work/allowed")" -gt 100 ] || fail "systemd-analyze syscall-filter says nothing that is understood"

strace -f -qq -e signal=none -o "$work/trace" bin/callbus demo --for 5s --seed 7 >"$work/demo" 2>&1 || {
  cat "$work/demo" >&2
  fail "the demo does not run under strace"
}
sed -En 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$work/trace" | sort -u >"$work/used"
grep -qx fsync "$work/used" || fail "strace shows no work of callbus"
missing=$(comm -23 "$work/used" "$work/allowed" | tr '\n' ' ')
[ -z "$missing" ] || fail "callbus asks for system calls that $unit refuses: $missing"
families=$(sed -En 's/.* socket\((AF_[A-Z0-9_]+),.*/\1/p' "$work/trace" | sort -u)
for family in $families; do
  grep -qE "^RestrictAddressFamilies=.*\b$family\b" "$unit" || fail "callbus opens sockets of $family, which $unit refuses"
done
echo "systemd: callbus asks for $(wc -l <"$work/used") system calls and sockets of" $families
