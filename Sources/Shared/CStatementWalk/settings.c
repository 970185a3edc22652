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
    if (strcmp(name, protected_settings[index]) == 0) return true;
  }
  return false;
}

// The words of a constant; NULL for what is none.
static const char *constant(const Node *node) {
  if (node == NULL) return NULL;
  if (IsA(node, TypeCast)) {
    const TypeCast *cast = (const TypeCast *)node;
    // text alone leaves a constant as it is.
    const TypeName *target = cast->typeName;
    const char *type = target->names == NIL ? NULL : csw_word(llast(target->names));
    if (type == NULL || strcmp(type, "text") != 0 || target->arrayBounds != NIL) return NULL;
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

static void note(
    walk_t *walk, const struct csw_item *item, const char *name, const Node *value,
    bool is_path_hiding) {
  if (name == NULL) {
    csw_add_one(walk, CSW_SET_NAME, "*");
    csw_effect(walk, item, CSW_SESSION);
    return;
  }
  // PostgreSQL does not tell capitals from small letters in them. The tree is this walk's own.
  for (char *byte = (char *)name; *byte != 0; byte++) {
    if (*byte >= 'A' && *byte <= 'Z') *byte |= 0x20;
  }
  csw_add_one(walk, CSW_SET_NAME, name);
  bool is_changed = (is_protected(name) && !is_harmless(name, constant(value))) ||
                    (is_path_hiding && strcmp(name, "search_path") == 0);
  csw_effect(walk, item, is_changed ? CSW_SESSION : CSW_SETTING);
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

// The constant that a query of pg_settings asks the column `name` to equal; NULL for other queries.
static Node *named_setting(const SelectStmt *select) {
  if (list_length(select->fromClause) != 1 || select->whereClause == NULL) return NULL;
  const Node *from = linitial(select->fromClause);
  if (!IsA(from, RangeVar) || !IsA(select->whereClause, A_Expr)) return NULL;
  if (strcmp(((const RangeVar *)from)->relname, "pg_settings") != 0) return NULL;
  const A_Expr *where = (const A_Expr *)select->whereClause;
  const char *sign = list_length(where->name) == 1 ? csw_word(linitial(where->name)) : NULL;
  if (where->kind != AEXPR_OP || sign == NULL || strcmp(sign, "=") != 0) return NULL;
  return is_name_column(where->lexpr) && constant(where->rexpr) != NULL ? where->rexpr : NULL;
}

void csw_settle_setting_name(const SelectStmt *select) {
  Node *name = named_setting(select);
  if (name == NULL) return;
  ListCell *cell;
  foreach (cell, select->targetList) {
    const ResTarget *target = lfirst(cell);
    if (!IsA(target, ResTarget) || target->val == NULL || !IsA(target->val, FuncCall)) continue;
    const FuncCall *call = (const FuncCall *)target->val;
    const char *own = call->funcname == NIL ? NULL : csw_word(llast(call->funcname));
    if (own == NULL || strcmp(own, "set_config") != 0 || call->args == NIL) continue;
    // The tree is this walk's own.
    if (is_name_column(linitial(call->args))) linitial(call->args) = name;
  }
}

void csw_note_set_config(walk_t *walk, const struct csw_item *item, const FuncCall *call) {
  // Names of arguments and arrays of them can stand in any order.
  bool is_plain = list_length(call->args) >= 2 && !call->func_variadic;
  const ListCell *cell;
  foreach (cell, call->args) is_plain &= !IsA(lfirst(cell), NamedArgExpr);
  const char *name = is_plain ? constant(linitial(call->args)) : NULL;
  const Node *value = is_plain ? lsecond(call->args) : NULL;
  note(walk, item, name, value, hides_catalog_in(value));
}
