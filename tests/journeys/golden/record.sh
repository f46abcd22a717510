#!/bin/sh
# Records the state of a release for goldenState.test.ts. Run it once per release, with the release's own code:
#
#   git clone --branch v0.1.0 … && npm ci && npm run fleet -- up --local --directory /tmp/golden
#   tests/journeys/golden/record.sh 0.1.0 /tmp/golden
set -eu
version=$1
fleet=$2
out=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/$version.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/cloud" "$work/state/.pulumi" "$work/project"
cp -r "$fleet/cloud/resources" "$work/cloud/"
cp "$fleet/passphrase" "$work/"
cp "$fleet/state/.pulumi/meta.yaml" "$work/state/.pulumi/"
cp -r "$fleet/state/.pulumi/stacks" "$work/state/.pulumi/"
find "$work" -name '*.bak' -delete
cp Pulumi.yaml Pulumi.*.yaml "$work/project/"
tar --sort=name --mtime=1970-01-01 --owner=0 --group=0 --numeric-owner -C "$work" -cf - . | gzip -n9 >"$out"
