// What the text of an SQL statement says of itself, in flat arrays.
//
// The parser is PostgreSQL's own (libpg_query); what is behind this header knows its trees. Nothing here
// recurses, raises or ends the program: how deep a text nests costs memory and no stack.
#ifndef SALLYPORT_STATEMENT_WALK_H
#define SALLYPORT_STATEMENT_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The bits of StatementEffects in GatewayModel; a test compares them.
enum {
  CSW_READ = 1 << 0,
  CSW_WRITE = 1 << 1,
  CSW_DDL = 1 << 2,
  CSW_PRIVILEGE = 1 << 3,
  CSW_SESSION = 1 << 4,
  CSW_PROGRAM = 1 << 5,
  CSW_UNKNOWN = 1 << 6,
  CSW_MAINTENANCE = 1 << 7,
  CSW_LOCK = 1 << 8,
  CSW_TRANSACTION = 1 << 9,
  CSW_SETTING = 1 << 10,
};

// Why a text is opaque, in the order of StatementFacts.Opacity; none is 0.
enum {
  CSW_CLEAR = 0,
  CSW_UNPARSEABLE = 1,
  CSW_TOO_LONG = 2,
  CSW_TOO_DEEP = 3,
  CSW_TOO_MANY = 4,
  CSW_ENCODING = 5,
  CSW_CODE = 6,
  CSW_PREPARED = 7,
};

// What a name is the name of.
enum {
  CSW_TABLE_READ = 0,
  CSW_TABLE_WRITE = 1,
  CSW_TABLE_OTHER = 2,
  CSW_COLUMN = 3,
  CSW_FUNCTION_KNOWN = 4,
  CSW_FUNCTION_OTHER = 5,
  CSW_SET_NAME = 6,
  // A name that FROM gives to rows, by which a whole row can be named. For the walk alone.
  CSW_ALIAS = 7,
};

enum { CSW_MAXIMUM_PARTS = 4, CSW_MAXIMUM_COMMANDS = 64, CSW_KINDS = 8 };

// A name in parts, as the grammar folded them.
typedef struct {
  const char *_Nullable parts[CSW_MAXIMUM_PARTS];
  uint32_t hash;
  uint8_t count;
  uint8_t kind;
  // Of a function: what a call of it does.
  uint16_t effects;
} csw_name;

// How much of a text is followed.
typedef struct {
  // Bytes of text. What the parser makes of it takes up to 150 times its length.
  size_t bytes;
  // Nodes that stand in each other.
  uint32_t depth;
  // Nodes in all.
  uint32_t nodes;
  // Tables, columns, functions and settings, each for itself; and names of common table expressions.
  uint32_t names;
} csw_limits;

typedef struct {
  const csw_name *_Nonnull names;
  uint32_t name_count;
  // Of each kind.
  uint32_t counts[CSW_KINDS];
  // Constants of this library: they outlive the walk.
  const char *_Nonnull commands[CSW_MAXIMUM_COMMANDS];
  uint8_t command_count;
  uint8_t opacity;
  bool is_unfiltered;
  bool is_open_ended;
  uint16_t effects;
} csw_facts;

typedef struct csw_walk csw_walk;

// Parses and walks a text; NULL when there is no memory for it. Its facts are good until csw_end, which
// has to be called on the same thread before the next csw_begin there.
csw_walk *_Nullable csw_begin(
    const void *_Nullable text, size_t length, const csw_limits *_Nonnull limits);
const csw_facts *_Nonnull csw_result(const csw_walk *_Nonnull walk);
// What the parser said of a text that it refused, for people; NULL for others.
const char *_Nullable csw_refusal(const csw_walk *_Nonnull walk);
void csw_end(csw_walk *_Nonnull walk);

// Parses a text and throws the tree away: what a walk is measured against. True when it parsed.
bool csw_parse_only(const void *_Nullable text, size_t length);

// Makes libpg_query ready on this thread without the thread-specific key that it would take for each,
// for good, of the 1024 that a process has. Called by csw_begin; needed before other calls of the
// library.
void csw_prepare_thread(void);

// The table of PostgreSQL's own functions, sorted by name, and the effect of each; 0 for those that do
// nothing but compute and read.
uint32_t csw_known_function_count(void);
const char *_Nonnull csw_known_function_name(uint32_t index);
uint16_t csw_known_function_effect(uint32_t index);

#endif
