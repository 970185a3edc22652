// What the nodes of queries say.
#include <string.h>

#include "walk.h"

bool csw_is_common_table(walk_t *walk, const struct csw_scope *scope, const char *name) {
  for (; scope != NULL; scope = scope->outer) {
    for (int index = 0; index < scope->visible; index++) {
      if (--walk->patience < 0) {
        csw_opaque(walk, CSW_TOO_MANY);
        return false;
      }
      const CommonTableExpr *expression = list_nth(scope->expressions, index);
      if (strcmp(expression->ctename, name) == 0) return true;
    }
  }
  return false;
}

static void note_alias(walk_t *walk, const Alias *alias) {
  if (alias == NULL) return;
  csw_add_one(walk, CSW_ALIAS, alias->aliasname);
  // New names for the columns hide which they are.
  if (alias->colnames != NIL) csw_add_whole(walk, (const char *const *)&alias->aliasname, 1);
}

static void note_table(walk_t *walk, const struct csw_item *item, const RangeVar *table) {
  if (item->flags & CSW_SCHEMA) {
    csw_add_table(walk, CSW_TABLE_OTHER, table);
    return;
  }
  if (table->schemaname == NULL && csw_is_common_table(walk, item->scope, table->relname)) {
    note_alias(walk, table->alias);
    if (table->alias == NULL) csw_add_one(walk, CSW_ALIAS, table->relname);
    return;
  }
  csw_effect(walk, item, CSW_READ);
  csw_add_table(walk, CSW_TABLE_READ, table);
}

void csw_note_written(walk_t *walk, const struct csw_item *item, const RangeVar *table) {
  bool is_shown = item->flags & CSW_EXPLAINED;
  csw_add_table(walk, is_shown ? CSW_TABLE_READ : CSW_TABLE_WRITE, table);
  if (table == NULL || table->relname == NULL) return;
  // All of the catalogues are called so, and a name without a schema can be theirs.
  bool is_own = table->schemaname == NULL ? strncmp(table->relname, "pg_", 3) == 0
                                          : strcmp(table->schemaname, "pg_catalog") == 0;
  if (!is_own) return;
  if (strcmp(table->relname, "pg_settings") != 0) {
    csw_effect(walk, item, CSW_DDL | CSW_PRIVILEGE);
    return;
  }
  // A rule of it calls set_config for each row that an UPDATE finds.
  if (!is_shown) csw_add_one(walk, CSW_SET_NAME, "*");
  csw_effect(walk, item, CSW_SESSION);
}

// The table that a command writes, which no WITH names.
static void note_target(
    walk_t *walk, const struct csw_item *item, const RangeVar *table, const List *returning) {
  bool is_shown = item->flags & CSW_EXPLAINED;
  csw_note_written(walk, item, table);
  if (is_shown || returning != NIL) csw_effect(walk, item, CSW_READ);
}

static void note_column(walk_t *walk, const ColumnRef *column) {
  const char *parts[CSW_MAXIMUM_PARTS];
  int length = list_length(column->fields);
  // More than four, and no server takes it.
  int count = length < CSW_MAXIMUM_PARTS ? length : CSW_MAXIMUM_PARTS;
  for (int index = 0; index < count; index++) {
    const void *field = list_nth(column->fields, length - count + index);
    parts[index] = IsA(field, A_Star) ? "*" : csw_word(field);
    if (parts[index] == NULL) return;
  }
  csw_add(walk, CSW_COLUMN, parts, count);
}

static void note_words(walk_t *walk, const List *words) {
  const ListCell *cell;
  foreach (cell, words) csw_add_one(walk, CSW_COLUMN, csw_word(lfirst(cell)));
}

// The fields of `(row).field`.
static void note_indirection(walk_t *walk, const List *indirection) {
  const ListCell *cell;
  foreach (cell, indirection) {
    const Node *part = lfirst(cell);
    if (IsA(part, A_Star)) csw_add_one(walk, CSW_COLUMN, "*");
    csw_add_one(walk, CSW_COLUMN, csw_word(part));
  }
}

static void note_targets(walk_t *walk, const List *targets) {
  const ListCell *cell;
  foreach (cell, targets) {
    const Node *target = lfirst(cell);
    if (IsA(target, ResTarget)) csw_add_one(walk, CSW_COLUMN, ((const ResTarget *)target)->name);
  }
}

static void note_select(walk_t *walk, const struct csw_item *item, const SelectStmt *select) {
  csw_settle_setting_name(walk, item, select);
  // In a chain of set operations INTO stands in the first.
  const SelectStmt *first = select;
  if (item->flags & CSW_TOP) {
    while (first->larg != NULL) first = first->larg;
    csw_command(
        walk, item, first->intoClause != NULL ? "SELECT INTO" : "SELECT",
        first->intoClause != NULL ? CSW_READ | CSW_WRITE | CSW_DDL : CSW_READ);
  }
  if (select->intoClause != NULL) {
    csw_effect(walk, item, CSW_READ | CSW_WRITE | CSW_DDL);
    note_target(walk, item, select->intoClause->rel, NIL);
  }
  if (select->lockingClause != NIL) csw_effect(walk, item, CSW_LOCK);
}

static void note_insert(walk_t *walk, const struct csw_item *item, const InsertStmt *insert) {
  csw_command(walk, item, "INSERT", CSW_WRITE);
  note_target(walk, item, insert->relation, insert->returningList);
  if (insert->cols == NIL && insert->relation != NULL) {
    csw_add_whole(walk, (const char *const *)&insert->relation->relname, 1);
  }
  note_targets(walk, insert->cols);
  if (insert->onConflictClause != NULL) note_targets(walk, insert->onConflictClause->targetList);
}

static void note_merge(walk_t *walk, const struct csw_item *item, const MergeStmt *merge) {
  csw_command(walk, item, "MERGE", CSW_WRITE);
  note_target(walk, item, merge->relation, NIL);
  bool is_changing = false;
  const ListCell *cell;
  foreach (cell, merge->mergeWhenClauses) {
    const MergeWhenClause *when = lfirst(cell);
    note_targets(walk, when->targetList);
    if (when->commandType == CMD_INSERT && when->targetList == NIL && merge->relation != NULL) {
      csw_add_whole(walk, (const char *const *)&merge->relation->relname, 1);
    }
    if (when->commandType != CMD_UPDATE && when->commandType != CMD_DELETE) continue;
    is_changing |= when->condition == NULL || csw_is_constant(walk, item, when->condition);
  }
  if (is_changing && csw_is_constant(walk, item, merge->joinCondition) &&
      !(item->flags & CSW_EXPLAINED)) {
    walk->facts.is_unfiltered = true;
  }
}

static void note_filter(walk_t *walk, const struct csw_item *item, const Node *condition) {
  if (item->flags & CSW_EXPLAINED || walk->facts.is_unfiltered) return;
  if (condition == NULL || csw_is_constant(walk, item, condition)) {
    walk->facts.is_unfiltered = true;
  }
}

// A function in FROM gives its rows its own name when they have no other.
static void note_row_function(walk_t *walk, const RangeFunction *rows) {
  note_alias(walk, rows->alias);
  if (rows->alias != NULL) return;
  const ListCell *cell;
  foreach (cell, rows->functions) {
    const Node *call = linitial((const List *)lfirst(cell));
    if (call == NULL || !IsA(call, FuncCall)) continue;
    csw_add_one(walk, CSW_ALIAS, csw_word(llast(((const FuncCall *)call)->funcname)));
  }
}

static void note_clause(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_RangeSubselect: note_alias(walk, ((RangeSubselect *)node)->alias); return;
    case T_RangeTableFunc: note_alias(walk, ((RangeTableFunc *)node)->alias); return;
    case T_RangeFunction: note_row_function(walk, (const RangeFunction *)node); return;
    case T_RangeTableSample:
      csw_note_function(walk, item, ((RangeTableSample *)node)->method);
      return;
    case T_JoinExpr:
      note_alias(walk, ((JoinExpr *)node)->alias);
      note_alias(walk, ((JoinExpr *)node)->join_using_alias);
      note_words(walk, ((JoinExpr *)node)->usingClause);
      // Which columns it compares stands nowhere.
      if (((JoinExpr *)node)->isNatural) csw_add_one(walk, CSW_COLUMN, "*");
      return;
    case T_CommonTableExpr:
      if (((CommonTableExpr *)node)->search_clause != NULL) {
        note_words(walk, ((CommonTableExpr *)node)->search_clause->search_col_list);
      }
      if (((CommonTableExpr *)node)->cycle_clause != NULL) {
        note_words(walk, ((CommonTableExpr *)node)->cycle_clause->cycle_col_list);
      }
      return;
    case T_IndexElem: csw_add_one(walk, CSW_COLUMN, ((IndexElem *)node)->name); return;
    case T_SortBy: csw_note_operator(walk, item, ((SortBy *)node)->useOp); return;
    case T_SubLink: csw_note_operator(walk, item, ((SubLink *)node)->operName); return;
    case T_ResTarget: note_indirection(walk, ((ResTarget *)node)->indirection); return;
    default: return;
  }
}

void csw_note(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_ColumnRef: note_column(walk, (const ColumnRef *)node); return;
    case T_RangeVar: note_table(walk, item, (const RangeVar *)node); return;
    case T_FuncCall: csw_note_call(walk, item, (const FuncCall *)node); return;
    case T_A_Expr: csw_note_operator(walk, item, ((A_Expr *)node)->name); return;
    case T_A_Indirection: note_indirection(walk, ((A_Indirection *)node)->indirection); return;
    case T_SelectStmt: note_select(walk, item, (const SelectStmt *)node); return;
    case T_InsertStmt: note_insert(walk, item, (const InsertStmt *)node); return;
    case T_UpdateStmt: {
      const UpdateStmt *update = (const UpdateStmt *)node;
      csw_command(walk, item, "UPDATE", CSW_WRITE);
      note_target(walk, item, update->relation, update->returningList);
      note_targets(walk, update->targetList);
      note_filter(walk, item, update->whereClause);
      return;
    }
    case T_DeleteStmt: {
      const DeleteStmt *delete = (const DeleteStmt *)node;
      csw_command(walk, item, "DELETE", CSW_WRITE);
      note_target(walk, item, delete->relation, delete->returningList);
      note_filter(walk, item, delete->whereClause);
      return;
    }
    case T_MergeStmt: note_merge(walk, item, (const MergeStmt *)node); return;
    default: note_clause(walk, item); return;
  }
}

static bool is_column(const Node *node) {
  // The `*` of EXISTS (SELECT * …) is none.
  return IsA(node, CurrentOfExpr) ||
         (IsA(node, ColumnRef) && !IsA(llast(((const ColumnRef *)node)->fields), A_Star));
}

// Whether nothing below a node is a column. `is_bare` when no parameter is, either.
static bool has_no_column(
    walk_t *walk, const struct csw_item *item, const Node *node, bool is_bare) {
  uint32_t start = walk->item_count;
  bool found = false;
  csw_push(walk, item, node);
  while (walk->item_count > start && !found) {
    struct csw_item next = walk->items[--walk->item_count];
    if (--walk->patience < 0) break;
    found = is_column(next.node) || (is_bare && IsA(next.node, ParamRef)) ||
            !csw_push_children(walk, &next);
  }
  walk->item_count = start;
  return !found;
}

bool csw_is_constant(walk_t *walk, const struct csw_item *item, const Node *condition) {
  if (has_no_column(walk, item, condition, false)) return true;
  if (condition == NULL || !IsA(condition, BoolExpr)) return false;
  const BoolExpr *logic = (const BoolExpr *)condition;
  if (logic->boolop != OR_EXPR) return false;
  // One arm that is always the same opens the whole; with a parameter in it, it is a choice of the
  // program's.
  const ListCell *cell;
  foreach (cell, logic->args) {
    if (has_no_column(walk, item, lfirst(cell), true)) return true;
  }
  return false;
}
