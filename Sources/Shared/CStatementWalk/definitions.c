// Utility statements that change the schema.
#include "walk.h"

static void note_tables(walk_t *walk, const List *tables) {
  const ListCell *cell;
  foreach (cell, tables) {
    const Node *table = lfirst(cell);
    if (IsA(table, RangeVar)) csw_add_table(walk, CSW_TABLE_OTHER, (const RangeVar *)table);
  }
}

static void stored(walk_t *walk, const struct csw_item *item, const void *node) {
  csw_push_flagged(
      walk, item, node, (item->flags & ~CSW_TOP) | CSW_SCHEMA | CSW_DEFERRED);
}

static void now(walk_t *walk, const struct csw_item *item, const void *node) {
  csw_push_flagged(walk, item, node, (item->flags & ~CSW_TOP) | CSW_SCHEMA);
}

static void note_create_table(
    walk_t *walk, const struct csw_item *item, const CreateStmt *create, const char *name) {
  csw_command(walk, item, name, CSW_DDL);
  csw_add_table(walk, CSW_TABLE_OTHER, create->relation);
  stored(walk, item, create->tableElts);
  stored(walk, item, create->inhRelations);
  stored(walk, item, create->partspec);
  stored(walk, item, create->constraints);
  // Bounds are computed at once.
  now(walk, item, create->partbound);
}

static uint16_t effect_of(const AlterTableStmt *alter) {
  uint16_t effects = CSW_DDL;
  const ListCell *cell;
  foreach (cell, alter->cmds) {
    switch (((const AlterTableCmd *)lfirst(cell))->subtype) {
      case AT_ChangeOwner:
      case AT_EnableRowSecurity:
      case AT_DisableRowSecurity:
      case AT_ForceRowSecurity:
      case AT_NoForceRowSecurity: effects |= CSW_PRIVILEGE; break;
      default: break;
    }
  }
  return effects;
}

static void note_drop(walk_t *walk, const struct csw_item *item, const DropStmt *drop) {
  bool is_privilege = drop->removeType == OBJECT_POLICY;
  csw_drop(walk, item, drop->removeType, CSW_DDL | (is_privilege ? CSW_PRIVILEGE : 0));
  const ListCell *cell;
  foreach (cell, drop->objects) csw_note_object(walk, drop->removeType, lfirst(cell));
  walk->facts.is_open_ended |= drop->behavior == DROP_CASCADE;
}

static void note_function_definition(
    walk_t *walk, const struct csw_item *item, const CreateFunctionStmt *create) {
  csw_command(
      walk, item, create->is_procedure ? "CREATE PROCEDURE" : "CREATE FUNCTION", CSW_DDL);
  csw_opaque(walk, CSW_CODE);
}

// Tables, views, indexes, rules, triggers, types with expressions.
static bool note_relation(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_CreateStmt:
      note_create_table(walk, item, (const CreateStmt *)node, "CREATE TABLE");
      return true;
    case T_CreateForeignTableStmt:
      note_create_table(
          walk, item, &((const CreateForeignTableStmt *)node)->base, "CREATE FOREIGN TABLE");
      return true;
    case T_AlterTableStmt: {
      const AlterTableStmt *alter = (const AlterTableStmt *)node;
      csw_alter(walk, item, alter->objtype, effect_of(alter));
      csw_add_table(walk, CSW_TABLE_OTHER, alter->relation);
      now(walk, item, alter->cmds);
      return true;
    }
    case T_ViewStmt:
      csw_command(walk, item, "CREATE VIEW", CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, ((ViewStmt *)node)->view);
      csw_push_flagged(
          walk, item, ((ViewStmt *)node)->query, (item->flags & ~CSW_TOP) | CSW_DEFERRED);
      return true;
    case T_IndexStmt: {
      const IndexStmt *index = (const IndexStmt *)node;
      csw_command(walk, item, "CREATE INDEX", CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, index->relation);
      now(walk, item, index->indexParams);
      now(walk, item, index->indexIncludingParams);
      now(walk, item, index->whereClause);
      return true;
    }
    case T_CreateStatsStmt:
      csw_command(walk, item, "CREATE STATISTICS", CSW_DDL);
      now(walk, item, ((CreateStatsStmt *)node)->relations);
      now(walk, item, ((CreateStatsStmt *)node)->exprs);
      return true;
    case T_RuleStmt: {
      const RuleStmt *rule = (const RuleStmt *)node;
      csw_command(walk, item, "CREATE RULE", CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, rule->relation);
      csw_push_flagged(walk, item, rule->whereClause, CSW_DEFERRED);
      csw_push_flagged(walk, item, rule->actions, CSW_DEFERRED);
      return true;
    }
    case T_CreateTrigStmt: {
      const CreateTrigStmt *trigger = (const CreateTrigStmt *)node;
      csw_command(walk, item, "CREATE TRIGGER", CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, trigger->relation);
      csw_add_table(walk, CSW_TABLE_OTHER, trigger->constrrel);
      stored(walk, item, trigger->whenClause);
      return true;
    }
    case T_CreateSeqStmt:
      csw_command(walk, item, "CREATE SEQUENCE", CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, ((CreateSeqStmt *)node)->sequence);
      return true;
    case T_AlterSeqStmt:
      csw_command(walk, item, "ALTER SEQUENCE", CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, ((AlterSeqStmt *)node)->sequence);
      return true;
    case T_CreateDomainStmt:
      csw_command(walk, item, "CREATE DOMAIN", CSW_DDL);
      stored(walk, item, ((CreateDomainStmt *)node)->constraints);
      return true;
    case T_AlterDomainStmt:
      csw_command(walk, item, "ALTER DOMAIN", CSW_DDL);
      now(walk, item, ((AlterDomainStmt *)node)->def);
      return true;
    default: return false;
  }
}

// What is altered by the kind of object it is.
static bool note_object_change(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_DropStmt: note_drop(walk, item, (const DropStmt *)node); return true;
    case T_RenameStmt: {
      const RenameStmt *rename = (const RenameStmt *)node;
      csw_alter(
          walk, item, rename->renameType,
          rename->renameType == OBJECT_ROLE ? CSW_PRIVILEGE : CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, rename->relation);
      return true;
    }
    case T_AlterObjectSchemaStmt:
      csw_alter(walk, item, ((AlterObjectSchemaStmt *)node)->objectType, CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, ((AlterObjectSchemaStmt *)node)->relation);
      return true;
    case T_AlterOwnerStmt:
      csw_alter(walk, item, ((AlterOwnerStmt *)node)->objectType, CSW_DDL | CSW_PRIVILEGE);
      csw_add_table(walk, CSW_TABLE_OTHER, ((AlterOwnerStmt *)node)->relation);
      return true;
    case T_AlterObjectDependsStmt:
      csw_alter(walk, item, ((AlterObjectDependsStmt *)node)->objectType, CSW_DDL);
      csw_add_table(walk, CSW_TABLE_OTHER, ((AlterObjectDependsStmt *)node)->relation);
      return true;
    case T_AlterFunctionStmt:
      csw_alter(walk, item, ((AlterFunctionStmt *)node)->objtype, CSW_DDL);
      return true;
    case T_DefineStmt: csw_create(walk, item, ((DefineStmt *)node)->kind, CSW_DDL); return true;
    case T_CommentStmt:
      csw_command(walk, item, "COMMENT", CSW_DDL);
      csw_note_object(walk, ((CommentStmt *)node)->objtype, ((CommentStmt *)node)->object);
      return true;
    case T_AlterExtensionContentsStmt: {
      const AlterExtensionContentsStmt *alter = (const AlterExtensionContentsStmt *)node;
      csw_command(walk, item, "ALTER EXTENSION", CSW_DDL);
      csw_note_object(walk, alter->objtype, alter->object);
      return true;
    }
    case T_CreateFunctionStmt:
      note_function_definition(walk, item, (const CreateFunctionStmt *)node);
      return true;
    case T_CreateSchemaStmt: {
      csw_command(walk, item, "CREATE SCHEMA", CSW_DDL);
      csw_push_flagged(walk, item, ((CreateSchemaStmt *)node)->schemaElts, item->flags | CSW_TOP);
      return true;
    }
    case T_CreatePublicationStmt:
      csw_command(walk, item, "CREATE PUBLICATION", CSW_DDL);
      stored(walk, item, ((CreatePublicationStmt *)node)->pubobjects);
      return true;
    case T_AlterPublicationStmt:
      csw_command(walk, item, "ALTER PUBLICATION", CSW_DDL);
      stored(walk, item, ((AlterPublicationStmt *)node)->pubobjects);
      return true;
    case T_ImportForeignSchemaStmt:
      csw_command(walk, item, "IMPORT FOREIGN SCHEMA", CSW_DDL | CSW_PROGRAM);
      note_tables(walk, ((ImportForeignSchemaStmt *)node)->table_list);
      return true;
    default: return false;
  }
}

bool csw_definition_part(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_ColumnDef:
      csw_push(walk, item, ((ColumnDef *)node)->raw_default);
      csw_push(walk, item, ((ColumnDef *)node)->constraints);
      return true;
    case T_Constraint:
      csw_push(walk, item, ((Constraint *)node)->raw_expr);
      csw_push(walk, item, ((Constraint *)node)->exclusions);
      csw_push(walk, item, ((Constraint *)node)->where_clause);
      csw_push(walk, item, ((Constraint *)node)->pktable);
      return true;
    case T_TableLikeClause: csw_push(walk, item, ((TableLikeClause *)node)->relation); return true;
    case T_AlterTableCmd:
      walk->facts.is_open_ended |= ((AlterTableCmd *)node)->behavior == DROP_CASCADE;
      csw_push(walk, item, ((AlterTableCmd *)node)->def);
      return true;
    case T_PartitionCmd:
      csw_push(walk, item, ((PartitionCmd *)node)->name);
      csw_push(walk, item, ((PartitionCmd *)node)->bound);
      return true;
    case T_PartitionSpec: csw_push(walk, item, ((PartitionSpec *)node)->partParams); return true;
    case T_PartitionElem: csw_push(walk, item, ((PartitionElem *)node)->expr); return true;
    case T_PartitionBoundSpec:
      csw_push(walk, item, ((PartitionBoundSpec *)node)->listdatums);
      csw_push(walk, item, ((PartitionBoundSpec *)node)->lowerdatums);
      csw_push(walk, item, ((PartitionBoundSpec *)node)->upperdatums);
      return true;
    case T_PartitionRangeDatum:
      csw_push(walk, item, ((PartitionRangeDatum *)node)->value);
      return true;
    case T_StatsElem: csw_push(walk, item, ((StatsElem *)node)->expr); return true;
    case T_PublicationObjSpec:
      csw_push(walk, item, ((PublicationObjSpec *)node)->pubtable);
      return true;
    case T_PublicationTable:
      csw_push(walk, item, ((PublicationTable *)node)->relation);
      csw_push(walk, item, ((PublicationTable *)node)->whereClause);
      return true;
    case T_ReplicaIdentityStmt:
    case T_RoleSpec:
    case T_ObjectWithArgs: return true;
    default: return false;
  }
}

bool csw_definition_statement(walk_t *walk, const struct csw_item *item) {
  return note_relation(walk, item) || note_object_change(walk, item);
}
