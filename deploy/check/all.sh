#!/usr/bin/env bash
# Holds everything in deploy/ to the tools that will read it: all.sh FOLDER, where install.sh has put them. make
# deploy-check runs it; CI does, too.
set -euo pipefail
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")"
export PATH=$PATH:/usr/sbin:$bin
for check in systemd prometheus image compose chart release; do
  begun=$SECONDS
  echo "-- deploy/check/$check.sh"
  "./$check.sh"
  echo "-- deploy/check/$check.sh: $((SECONDS - begun)) s"
done
