// The parse tree's structures, as the headers of PostgreSQL 15's server declare them.
//
// Of their functions and variables none may be used: libpg_query has a copy of its own, whose variables
// are thread-local where these headers say that they are not.
#ifndef SALLYPORT_POSTGRES_NODES_H
#define SALLYPORT_POSTGRES_NODES_H

#if !__has_include("nodes/parsenodes.h")
#error "PostgreSQL 15's server headers are missing: scripts/install-dependencies.sh build"
#endif

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
#include "nodes/value.h"

#if PG_VERSION_NUM / 10000 != 15
#error "the parser is PostgreSQL 15's, and so must be the headers: postgresql-server-dev-15"
#endif

#endif
