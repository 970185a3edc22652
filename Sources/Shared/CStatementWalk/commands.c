// Utility statements that change no schema and no privilege.
#include <string.h>
#include <strings.h>

#include "walk.h"

// Whether EXPLAIN runs what it shows: unless each ANALYZE in it surely says no.
static bool is_run(const ExplainStmt *explain) {
  const ListCell *cell;
  foreach (cell, explain->options) {
    const DefElem *option = lfirst(cell);
    if (option->defname == NULL || strcasecmp(option->defname, "analyze") != 0) continue;
    const Node *value = option->arg;
    if (value == NULL) return true;
    const char *word = csw_word(value);
    bool is_off = word != NULL ? strcasecmp(word, "false") == 0 || strcasecmp(word, "off") == 0
                               : IsA(value, Integer) && intVal(value) == 0;
    if (!is_off) return true;
  }
  return false;
}

static void run(walk_t *walk, const struct csw_item *item, const Node *query) {
  csw_push_flagged(walk, item, query, item->flags | CSW_TOP);
}

static void note_tables(walk_t *walk, int kind, const List *tables) {
  const ListCell *cell;
  foreach (cell, tables) {
    const Node *table = lfirst(cell);
    if (IsA(table, RangeVar)) csw_add_table(walk, kind, (const RangeVar *)table);
    if (IsA(table, VacuumRelation)) {
      csw_add_table(walk, kind, ((const VacuumRelation *)table)->relation);
    }
  }
}

static void note_copy(walk_t *walk, const struct csw_item *item, const CopyStmt *copy) {
  csw_command(walk, item, "COPY", copy->is_from ? CSW_WRITE : CSW_READ);
  if (copy->is_program || copy->filename != NULL) csw_effect(walk, item, CSW_PROGRAM);
  if (copy->relation != NULL) {
    if (copy->is_from) csw_note_written(walk, item, copy->relation);
    else csw_add_table(walk, CSW_TABLE_READ, copy->relation);
    const ListCell *cell;
    foreach (cell, copy->attlist) csw_add_one(walk, CSW_COLUMN, csw_word(lfirst(cell)));
    if (copy->attlist == NIL) {
      csw_add_whole(walk, (const char *const *)&copy->relation->relname, 1);
    }
  }
  if (copy->query != NULL) run(walk, item, copy->query);
  csw_push(walk, item, copy->whereClause);
}

static void note_transaction(
    walk_t *walk, const struct csw_item *item, const TransactionStmt *transaction) {
  static const struct {
    const char *name;
    uint16_t effects;
  } kinds[] = {
      [TRANS_STMT_BEGIN] = {"BEGIN", CSW_TRANSACTION},
      [TRANS_STMT_START] = {"START", CSW_TRANSACTION},
      [TRANS_STMT_COMMIT] = {"COMMIT", CSW_TRANSACTION},
      [TRANS_STMT_ROLLBACK] = {"ROLLBACK", CSW_TRANSACTION},
      [TRANS_STMT_SAVEPOINT] = {"SAVEPOINT", CSW_TRANSACTION},
      [TRANS_STMT_RELEASE] = {"RELEASE", CSW_TRANSACTION},
      [TRANS_STMT_ROLLBACK_TO] = {"ROLLBACK TO", CSW_TRANSACTION},
      [TRANS_STMT_PREPARE] = {"PREPARE", CSW_TRANSACTION},
      // They decide about what any session wrote.
      [TRANS_STMT_COMMIT_PREPARED] = {"COMMIT PREPARED", CSW_TRANSACTION | CSW_WRITE},
      [TRANS_STMT_ROLLBACK_PREPARED] = {"ROLLBACK PREPARED", CSW_TRANSACTION | CSW_WRITE},
  };
  size_t kind = (size_t)transaction->kind;
  if (kind >= sizeof(kinds) / sizeof(*kinds)) {
    csw_opaque(walk, CSW_UNPARSEABLE);
    return;
  }
  csw_command(walk, item, kinds[kind].name, kinds[kind].effects);
  csw_note_transaction_modes(walk, item, transaction->options, false);
}

static void note_table_as(
    walk_t *walk, const struct csw_item *item, const CreateTableAsStmt *create) {
  csw_command(
      walk, item,
      create->objtype == OBJECT_MATVIEW ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS",
      CSW_DDL | CSW_WRITE | CSW_READ);
  bool is_shown = item->flags & CSW_EXPLAINED;
  if (create->into != NULL) {
    csw_add_table(walk, is_shown ? CSW_TABLE_READ : CSW_TABLE_WRITE, create->into->rel);
  }
  csw_push(walk, item, create->query);
}

static void note_discard(walk_t *walk, const struct csw_item *item, const DiscardStmt *discard) {
  uint16_t effects = CSW_SETTING;
  if (discard->target == DISCARD_ALL) {
    effects = CSW_SESSION | CSW_SETTING | CSW_DDL;
    csw_add_one(walk, CSW_SET_NAME, "*");
  }
  // Temporary tables are dropped.
  if (discard->target == DISCARD_TEMP) effects |= CSW_DDL;
  csw_command(walk, item, "DISCARD", effects);
}

// Statements that run others.
static bool note_runner(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_ExplainStmt: {
      const ExplainStmt *explain = (const ExplainStmt *)node;
      csw_command(walk, item, "EXPLAIN", CSW_READ);
      csw_push_flagged(
          walk, item, explain->query,
          item->flags | CSW_TOP | (is_run(explain) ? 0 : CSW_EXPLAINED));
      return true;
    }
    case T_PrepareStmt:
      csw_command(walk, item, "PREPARE", CSW_SETTING);
      run(walk, item, ((PrepareStmt *)node)->query);
      return true;
    case T_DeclareCursorStmt:
      csw_command(walk, item, "DECLARE CURSOR", CSW_SETTING);
      run(walk, item, ((DeclareCursorStmt *)node)->query);
      return true;
    case T_ExecuteStmt:
      csw_command(walk, item, "EXECUTE", CSW_UNKNOWN);
      csw_opaque(walk, CSW_PREPARED);
      csw_push(walk, item, ((ExecuteStmt *)node)->params);
      return true;
    case T_DoStmt:
      csw_command(walk, item, "DO", CSW_UNKNOWN);
      csw_opaque(walk, CSW_CODE);
      return true;
    case T_CallStmt:
      csw_command(walk, item, "CALL", CSW_UNKNOWN);
      csw_opaque(walk, CSW_CODE);
      csw_push(walk, item, ((CallStmt *)node)->funccall);
      return true;
    case T_CreateTableAsStmt:
      note_table_as(walk, item, (const CreateTableAsStmt *)node);
      return true;
    case T_CopyStmt: note_copy(walk, item, (const CopyStmt *)node); return true;
    default: return false;
  }
}

static bool note_table_command(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_TruncateStmt: {
      const ListCell *cell;
      csw_command(walk, item, "TRUNCATE TABLE", CSW_WRITE);
      foreach (cell, ((TruncateStmt *)node)->relations) {
        const Node *table = lfirst(cell);
        if (IsA(table, RangeVar)) csw_note_written(walk, item, (const RangeVar *)table);
      }
      walk->facts.is_unfiltered = true;
      walk->facts.is_open_ended |= ((TruncateStmt *)node)->behavior == DROP_CASCADE;
      return true;
    }
    case T_RefreshMatViewStmt:
      csw_command(walk, item, "REFRESH MATERIALIZED VIEW", CSW_WRITE);
      csw_add_table(walk, CSW_TABLE_WRITE, ((RefreshMatViewStmt *)node)->relation);
      return true;
    case T_LockStmt:
      csw_command(walk, item, "LOCK TABLE", CSW_LOCK);
      note_tables(walk, CSW_TABLE_OTHER, ((LockStmt *)node)->relations);
      return true;
    case T_VacuumStmt:
      csw_command(
          walk, item, ((VacuumStmt *)node)->is_vacuumcmd ? "VACUUM" : "ANALYZE", CSW_MAINTENANCE);
      note_tables(walk, CSW_TABLE_OTHER, ((VacuumStmt *)node)->rels);
      walk->facts.is_open_ended |= ((VacuumStmt *)node)->rels == NIL;
      return true;
    case T_ClusterStmt:
      csw_command(walk, item, "CLUSTER", CSW_MAINTENANCE);
      csw_add_table(walk, CSW_TABLE_OTHER, ((ClusterStmt *)node)->relation);
      walk->facts.is_open_ended |= ((ClusterStmt *)node)->relation == NULL;
      return true;
    case T_ReindexStmt:
      csw_command(walk, item, "REINDEX", CSW_MAINTENANCE);
      csw_add_table(walk, CSW_TABLE_OTHER, ((ReindexStmt *)node)->relation);
      // Of which table an index is, its name does not say.
      walk->facts.is_open_ended |= ((ReindexStmt *)node)->kind != REINDEX_OBJECT_TABLE;
      return true;
    default: return false;
  }
}

bool csw_command_statement(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_TransactionStmt:
      note_transaction(walk, item, (const TransactionStmt *)node);
      return true;
    case T_VariableSetStmt: {
      const VariableSetStmt *set = (const VariableSetStmt *)node;
      bool is_reset = set->kind == VAR_RESET || set->kind == VAR_RESET_ALL;
      csw_command(walk, item, is_reset ? "RESET" : "SET", 0);
      csw_note_setting(walk, item, set);
      return true;
    }
    case T_VariableShowStmt: csw_command(walk, item, "SHOW", CSW_SETTING); return true;
    case T_DiscardStmt: note_discard(walk, item, (const DiscardStmt *)node); return true;
    case T_FetchStmt:
      csw_command(walk, item, ((FetchStmt *)node)->ismove ? "MOVE" : "FETCH", CSW_READ);
      return true;
    case T_ClosePortalStmt: csw_command(walk, item, "CLOSE CURSOR", CSW_SETTING); return true;
    case T_DeallocateStmt: csw_command(walk, item, "DEALLOCATE", CSW_SETTING); return true;
    case T_ConstraintsSetStmt: csw_command(walk, item, "SET CONSTRAINTS", CSW_SETTING); return true;
    case T_NotifyStmt: csw_command(walk, item, "NOTIFY", CSW_SETTING); return true;
    case T_ListenStmt: csw_command(walk, item, "LISTEN", CSW_SETTING); return true;
    case T_UnlistenStmt: csw_command(walk, item, "UNLISTEN", CSW_SETTING); return true;
    case T_LoadStmt: csw_command(walk, item, "LOAD", CSW_PROGRAM); return true;
    case T_CheckPointStmt: csw_command(walk, item, "CHECKPOINT", CSW_MAINTENANCE); return true;
    default: return note_runner(walk, item) || note_table_command(walk, item);
  }
}
