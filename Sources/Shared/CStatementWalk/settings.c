// Settings of the session, and the modes of transactions.
#include <string.h>
#include <strings.h>

#include "walk.h"

// Those that say who the session is, whether it may write, and how the server reads what it is
// sent: with another of the last two a text means another thing to it than to the parser here.
static const char *const protected_settings[] = {
    "role", "session_authorization", "default_transaction_read_only", "transaction_read_only",
    "session_replication_role", "standard_conforming_strings", "client_encoding",
};

static bool is_protected(const char *name) {
  size_t count = sizeof(protected_settings) / sizeof(*protected_settings);
  for (size_t index = 0; index < count; index++) {
    if (strcasecmp(name, protected_settings[index]) == 0) return true;
  }
  return false;
}

// Whether a type leaves a constant as it is: only PostgreSQL's own text. Without its schema it can be
// somebody's domain over varchar(4), which makes `role` of `rolexx`.
static bool is_text(const TypeName *type) {
  if (list_length(type->names) != 2 || type->arrayBounds != NIL) return false;
  const char *schema = csw_word(linitial(type->names)), *name = csw_word(lsecond(type->names));
  return schema != NULL && strcmp(schema, "pg_catalog") == 0 && name != NULL &&
         strcmp(name, "text") == 0;
}

// The words of a constant; NULL for what is none.
static const char *constant(const Node *node) {
  if (node == NULL) return NULL;
  if (IsA(node, TypeCast)) {
    const TypeCast *cast = (const TypeCast *)node;
    if (!is_text(cast->typeName)) return NULL;
    node = cast->arg;
  }
  if (!IsA(node, A_Const)) return NULL;
  const A_Const *value = (const A_Const *)node;
  return !value->isnull && IsA(&value->val, String) ? value->val.sval.sval : NULL;
}

// Whether a protected setting gets a value that drivers and pg_dump set at their start, and with which
// texts are read as the parser here reads them, or that only takes rights away. The agent ends a session
// whose server reports other encodings.
static bool is_harmless(const char *name, const char *value) {
  static const char *const encodings[] = {"utf8", "utf-8", "unicode", "sql_ascii"};
  if (value == NULL) return false;
  if (strcmp(name, "standard_conforming_strings") == 0 ||
      strcmp(name, "default_transaction_read_only") == 0 ||
      strcmp(name, "transaction_read_only") == 0) {
    return strcasecmp(value, "on") == 0;
  }
  if (strcmp(name, "client_encoding") != 0) return false;
  for (size_t index = 0; index < sizeof(encodings) / sizeof(*encodings); index++) {
    if (strcasecmp(value, encodings[index]) == 0) return true;
  }
  return false;
}

// Whether a search path has pg_catalog, and not first: then `lower(x)` can be anybody's function.
static bool hides_catalog(const List *schemas) {
  const ListCell *cell;
  foreach (cell, schemas) {
    const char *schema = constant(lfirst(cell));
    if (schema == NULL) return true;
    if (foreach_current_index(cell) > 0 && strcmp(schema, "pg_catalog") == 0) return true;
  }
  return false;
}

// The same of a path in one text, as set_config takes it.
static bool hides_catalog_in(const Node *path) {
  static const char name[] = "pg_catalog";
  const size_t length = sizeof(name) - 1;
  const char *text = constant(path);
  if (text == NULL) return true;
  for (const char *start = text; *start != 0; start++) {
    // With quotes and escapes in it a name can be written in many ways.
    if (*start == '"' || (start != text && strncasecmp(start, name, length) == 0)) return true;
  }
  return false;
}

// Says what is set, and the effect.
static uint16_t note(
    walk_t *walk, const struct csw_item *item, const char *name, const Node *value,
    bool is_path_hiding) {
  if (name == NULL) {
    csw_add_one(walk, CSW_SET_NAME, "*");
    csw_effect(walk, item, CSW_SESSION);
    return CSW_SESSION;
  }
  // PostgreSQL does not tell capitals from small letters in them. The tree is this walk's own.
  for (char *byte = (char *)name; *byte != 0; byte++) {
    if (*byte >= 'A' && *byte <= 'Z') *byte |= 0x20;
  }
  csw_add_one(walk, CSW_SET_NAME, name);
  bool is_changed = (is_protected(name) && !is_harmless(name, constant(value))) ||
                    (is_path_hiding && strcmp(name, "search_path") == 0);
  uint16_t effect = is_changed ? CSW_SESSION : CSW_SETTING;
  csw_effect(walk, item, effect);
  return effect;
}

// Whether a mode is `READ WRITE`, or cannot be told from it.
static bool permits_writing(const DefElem *mode) {
  const Node *value = mode->arg;
  if (value == NULL || !IsA(value, A_Const)) return true;
  const A_Const *constant = (const A_Const *)value;
  return !IsA(&constant->val, Integer) || constant->val.ival.ival == 0;
}

// What SET SESSION CHARACTERISTICS sets.
static const char *lasting_name(const char *mode) {
  if (strcmp(mode, "transaction_read_only") == 0) return "default_transaction_read_only";
  if (strcmp(mode, "transaction_isolation") == 0) return "default_transaction_isolation";
  return "default_transaction_deferrable";
}

void csw_note_transaction_modes(
    walk_t *walk, const struct csw_item *item, const List *options, bool lasting) {
  const ListCell *cell;
  foreach (cell, options) {
    const DefElem *mode = lfirst(cell);
    if (!IsA(mode, DefElem) || mode->defname == NULL) continue;
    bool is_access = strcmp(mode->defname, "transaction_read_only") == 0;
    csw_add_one(walk, CSW_SET_NAME, lasting ? lasting_name(mode->defname) : mode->defname);
    csw_effect(walk, item, is_access && permits_writing(mode) ? CSW_SESSION : CSW_SETTING);
  }
}

void csw_note_setting(walk_t *walk, const struct csw_item *item, const VariableSetStmt *set) {
  switch (set->kind) {
    case VAR_RESET_ALL:
      csw_add_one(walk, CSW_SET_NAME, "*");
      csw_effect(walk, item, CSW_SETTING);
      return;
    case VAR_SET_MULTI:
      csw_effect(walk, item, CSW_SETTING);
      csw_note_transaction_modes(
          walk, item, set->args,
          set->name != NULL && strcmp(set->name, "SESSION CHARACTERISTICS") == 0);
      return;
    default:
      note(
          walk, item, set->name, set->args == NIL ? NULL : linitial(set->args),
          hides_catalog(set->args));
      return;
  }
}

// Whether a node is the column `name`, alone.
static bool is_name_column(const Node *node) {
  if (node == NULL || !IsA(node, ColumnRef)) return false;
  const List *fields = ((const ColumnRef *)node)->fields;
  const char *word = list_length(fields) == 1 ? csw_word(linitial(fields)) : NULL;
  return word != NULL && strcmp(word, "name") == 0;
}

// Whether a query has nothing but targets, FROM and WHERE.
static bool is_plain(const SelectStmt *select) {
  return select->op == SETOP_NONE && select->withClause == NULL && select->distinctClause == NIL &&
         select->intoClause == NULL && select->groupClause == NIL &&
         select->havingClause == NULL && select->windowClause == NIL &&
         select->sortClause == NIL && select->limitCount == NULL && select->limitOffset == NULL;
}

// Whether FROM is pg_settings alone: PostgreSQL's own, or what its bare name means where no table
// expression has it. Only who may define views can give the bare name another meaning.
static bool is_from_settings(
    walk_t *walk, const struct csw_item *item, const SelectStmt *select) {
  if (list_length(select->fromClause) != 1) return false;
  const RangeVar *table = linitial(select->fromClause);
  if (!IsA(table, RangeVar) || table->alias != NULL || table->catalogname != NULL) return false;
  if (strcmp(table->relname, "pg_settings") != 0) return false;
  if (table->schemaname != NULL) return strcmp(table->schemaname, "pg_catalog") == 0;
  return !csw_is_common_table(walk, item->scope, table->relname);
}

// The constant that WHERE asks the column `name` to equal; NULL for another condition, and for the name
// of a protected setting.
static Node *wanted_name(const SelectStmt *select) {
  if (select->whereClause == NULL || !IsA(select->whereClause, A_Expr)) return NULL;
  const A_Expr *where = (const A_Expr *)select->whereClause;
  const char *sign = list_length(where->name) == 1 ? csw_word(linitial(where->name)) : NULL;
  if (where->kind != AEXPR_OP || sign == NULL || strcmp(sign, "=") != 0) return NULL;
  const char *name = is_name_column(where->lexpr) ? constant(where->rexpr) : NULL;
  return name == NULL || is_protected(name) ? NULL : where->rexpr;
}

void csw_settle_setting_name(
    walk_t *walk, const struct csw_item *item, const SelectStmt *select) {
  if (list_length(select->targetList) != 1 || !is_plain(select)) return;
  const ResTarget *target = linitial(select->targetList);
  if (!IsA(target, ResTarget) || target->val == NULL || !IsA(target->val, FuncCall)) return;
  const FuncCall *call = (const FuncCall *)target->val;
  const char *own = call->funcname == NIL ? NULL : csw_word(llast(call->funcname));
  if (own == NULL || strcmp(own, "set_config") != 0 || list_length(call->args) != 3) return;
  if (!is_name_column(linitial(call->args)) || constant(lsecond(call->args)) == NULL ||
      !IsA(lthird(call->args), A_Const)) {
    return;
  }
  if (!is_from_settings(walk, item, select)) return;
  Node *name = wanted_name(select);
  // The tree is this walk's own.
  if (name != NULL) linitial(call->args) = name;
}

uint16_t csw_note_set_config(
    walk_t *walk, const struct csw_item *item, const FuncCall *call) {
  // Names of arguments and arrays of them can stand in any order.
  bool is_plain = list_length(call->args) >= 2 && !call->func_variadic;
  const ListCell *cell;
  foreach (cell, call->args) is_plain &= !IsA(lfirst(cell), NamedArgExpr);
  const char *name = is_plain ? constant(linitial(call->args)) : NULL;
  const Node *value = is_plain ? lsecond(call->args) : NULL;
  return note(walk, item, name, value, hides_catalog_in(value));
}
