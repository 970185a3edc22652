// The walk over a parse tree: what its parts share.
#ifndef SALLYPORT_WALK_H
#define SALLYPORT_WALK_H

#include "include/CStatementWalk.h"
#include "postgres_nodes.h"

// What holds for a node because of what it stands in.
enum {
  // It is a statement, or what EXPLAIN, PREPARE or a cursor runs.
  CSW_TOP = 1 << 0,
  // EXPLAIN shows how it would run.
  CSW_EXPLAINED = 1 << 1,
  // It is stored, and runs another time: a default, a policy, the query of a view.
  CSW_DEFERRED = 1 << 2,
  // Tables are named as things of the schema, and not for their rows.
  CSW_SCHEMA = 1 << 3,
};

// The common table expressions that can be seen where a node stands.
struct csw_scope {
  const struct csw_scope *outer;
  const List *expressions;
  // Only so many of them: in a WITH that is not recursive each sees those before itself.
  int visible;
};

// A node that is still to be looked at.
struct csw_item {
  Node *node;
  const struct csw_scope *scope;
  uint32_t depth;
  uint16_t flags;
};

enum { CSW_FIRST_ITEMS = 128, CSW_FIRST_NAMES = 48, CSW_FIRST_SLOTS = 128 };

struct csw_walk {
  csw_facts facts;
  csw_limits limits;

  struct csw_item *items;
  uint32_t item_count;
  uint32_t item_room;
  uint32_t node_count;
  // Comparisons of names and looks for constants that are still paid for: both can cost more than the
  // length of a text.
  int64_t patience;

  csw_name *names;
  uint32_t name_room;
  // Indexes into names, plus 1, by hash; 0 is empty.
  uint32_t *slots;
  uint32_t slot_count;

  struct csw_scope_block *scopes;
  uint32_t scope_count;

  void *context;
  char *text;
  void *parse_error;
  char *parse_messages;

  struct csw_item first_items[CSW_FIRST_ITEMS];
  csw_name first_names[CSW_FIRST_NAMES];
  uint32_t first_slots[CSW_FIRST_SLOTS];
  char first_text[2048];
};
typedef struct csw_walk walk_t;

// worklist.c: nodes to look at. Pushing is in the order of the text.
void csw_push(walk_t *walk, const struct csw_item *from, const void *node);
void csw_push_flagged(
    walk_t *walk, const struct csw_item *from, const void *node, uint16_t flags);
void csw_push_scoped(
    walk_t *walk, const struct csw_item *from, const void *node, const struct csw_scope *scope,
    uint16_t flags);
// Turns what was pushed since `start`, so that it is taken in the order it was pushed in.
void csw_turn(walk_t *walk, uint32_t start);
// NULL when there are too many.
const struct csw_scope *csw_scope_make(
    walk_t *walk, const struct csw_scope *outer, const List *expressions, int visible);

// names.c: sets of names. The name that was added or there already, good until the next is added; NULL
// when there is no room for it.
csw_name *csw_add(walk_t *walk, int kind, const char *const *parts, int count);
bool csw_has(const walk_t *walk, int kind, const char *const *parts, int count);
void csw_add_one(walk_t *walk, int kind, const char *name);
void csw_add_table(walk_t *walk, int kind, const RangeVar *table);
// A list of String nodes; the last `dropped` of them are left out.
csw_name *csw_add_listed(walk_t *walk, int kind, const List *words, int dropped);
// The column `*` of what has the name.
void csw_add_whole(walk_t *walk, const char *const *parts, int count);
// Names of whole rows among the columns become the columns `*` of them.
void csw_find_whole_rows(walk_t *walk);
void csw_command(walk_t *walk, const struct csw_item *item, const char *name, uint16_t effects);
void csw_effect(walk_t *walk, const struct csw_item *item, uint16_t effects);
void csw_opaque(walk_t *walk, int opacity);

// children.c: what stands below a node of a query. False for a node that is none of a query's.
bool csw_push_children(walk_t *walk, const struct csw_item *item);
// queries.c: what such a node says.
void csw_note(walk_t *walk, const struct csw_item *item);
// Whether a name without a schema is that of a common table expression where it stands.
bool csw_is_common_table(walk_t *walk, const struct csw_scope *scope, const char *name);
// A table whose rows a command writes, and what that means for PostgreSQL's own.
void csw_note_written(walk_t *walk, const struct csw_item *item, const RangeVar *table);
// Whether a condition has no column: it holds for all rows or for none.
bool csw_is_constant(walk_t *walk, const struct csw_item *item, const Node *condition);
// commands.c, definitions.c: utility statements. False for a node that is none.
bool csw_command_statement(walk_t *walk, const struct csw_item *item);
bool csw_definition_statement(walk_t *walk, const struct csw_item *item);
// What stands below a node of a definition. False for a node that is none.
bool csw_definition_part(walk_t *walk, const struct csw_item *item);
// objects.c: CREATE, ALTER and DROP of a kind of object.
void csw_create(walk_t *walk, const struct csw_item *item, ObjectType kind, uint16_t effects);
void csw_alter(walk_t *walk, const struct csw_item *item, ObjectType kind, uint16_t effects);
void csw_drop(walk_t *walk, const struct csw_item *item, ObjectType kind, uint16_t effects);
// The table that an object is, or belongs to.
void csw_note_object(walk_t *walk, ObjectType kind, const Node *object);
// settings.c
void csw_note_setting(walk_t *walk, const struct csw_item *item, const VariableSetStmt *set);
// What it does to the session: CSW_SETTING or CSW_SESSION.
uint16_t csw_note_set_config(
    walk_t *walk, const struct csw_item *item, const FuncCall *call);
// `SELECT set_config(name, 'a', false) FROM pg_settings WHERE name = 'x'`, which pg_dump sends for a
// setting that a server may not have: the name of the setting is put where it is taken from the row. A
// row cannot change while it is read; anything beside this in the query, and what FROM names may be no
// row, and give another name each time it is asked.
void csw_settle_setting_name(
    walk_t *walk, const struct csw_item *item, const SelectStmt *select);
void csw_note_transaction_modes(
    walk_t *walk, const struct csw_item *item, const List *options, bool lasting);
// functions.c
void csw_note_function(walk_t *walk, const struct csw_item *item, const List *name);
void csw_note_call(walk_t *walk, const struct csw_item *item, const FuncCall *call);
void csw_note_operator(walk_t *walk, const struct csw_item *item, const List *name);

// The words of a node that is a String; NULL for others.
static inline const char *csw_word(const void *node) {
  return node != NULL && IsA(node, String) ? ((const String *)node)->sval : NULL;
}

#endif
