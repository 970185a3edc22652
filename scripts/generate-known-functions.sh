#!/usr/bin/env bash
# Writes the table of PostgreSQL's own functions that StatementAnalysis knows, from the pg_proc of a
# PostgreSQL 15 and scripts/functions/effects.txt. A test compares the table with a server's.
#
#   PGHOST=… PGUSER=… scripts/generate-known-functions.sh
set -euo pipefail
cd "$(dirname "$0")/.."
effects=scripts/functions/effects.txt
out=Sources/Shared/CStatementWalk/known_functions.inc

version=$(psql -XAtc "select current_setting('server_version_num')::int / 10000")
if [ "$version" != 15 ]; then
  echo "the parser is PostgreSQL 15's, and this server is $version: ask one of 15" >&2
  exit 65
fi
listed_with_effects() {
  awk '!/^#/ && NF { for (i = 2; i <= NF; i++) print $i, $1 }' "$effects"
}
strange=$(comm -23 <(listed_with_effects | cut -d' ' -f1 | LC_ALL=C sort -u) <(psql -XAtc \
  "select distinct proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace" |
  LC_ALL=C sort -u))
if [ -n "$strange" ]; then
  echo "$effects names what the server has not: $strange" >&2
  exit 65
fi
{
  # A name is volatile when one of its functions is. Functions that take or give "internal" cannot be
  # called from SQL and are left out, unless others have the name.
  psql -XAtc "
    select proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace
    group by proname having not bool_or(provolatile = 'v')
      and not bool_and('internal'::regtype = any(proargtypes))
    " | LC_ALL=C sort -u | LC_ALL=C comm -23 - <(listed_with_effects | cut -d' ' -f1 | LC_ALL=C sort) |
    sed 's/$/ none/'
  listed_with_effects | grep -v ' unknown$'
} | LC_ALL=C sort -u | awk '
  BEGIN { print "// Written by scripts/generate-known-functions.sh." }
  { effect = $2 == "none" ? "0" : "CSW_" toupper($2); printf "{\"%s\", %s},\n", $1, effect }
' >"$out"
echo "$out: $(grep -c '^{' "$out") names" >&2
