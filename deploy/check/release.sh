#!/usr/bin/env bash
# Reads the release's configuration as GoReleaser does. What it builds, and where it puts it, only a release shows.
set -euo pipefail
cd "$(dirname "$0")/../.."
release .goreleaser.yaml
for script in deploy/systemd/postinstall deploy/systemd/preremove; do sh -n "$script"; done
