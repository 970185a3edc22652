// Utility statements about who may do what, and about what belongs to the whole server.
#include "walk.h"

static void note_grant(walk_t *walk, const struct csw_item *item, const GrantStmt *grant) {
  csw_command(walk, item, grant->is_grant ? "GRANT" : "REVOKE", CSW_PRIVILEGE);
  const ListCell *cell;
  foreach (cell, grant->objects) {
    const Node *object = lfirst(cell);
    if (IsA(object, RangeVar)) csw_add_table(walk, CSW_TABLE_OTHER, (const RangeVar *)object);
  }
  walk->facts.is_open_ended |=
      grant->targtype != ACL_TARGET_OBJECT || grant->objtype != OBJECT_TABLE;
}

static void note_policy(
    walk_t *walk, const struct csw_item *item, const char *name, const RangeVar *table,
    const Node *condition, const Node *check) {
  csw_command(walk, item, name, CSW_DDL | CSW_PRIVILEGE);
  csw_add_table(walk, CSW_TABLE_OTHER, table);
  csw_push_flagged(walk, item, condition, (item->flags & ~CSW_TOP) | CSW_DEFERRED);
  csw_push_flagged(walk, item, check, (item->flags & ~CSW_TOP) | CSW_DEFERRED);
}

// Statements of which nothing is told but their name.
static const struct plain {
  NodeTag tag;
  uint16_t effects;
  const char *name;
} plain[] = {
    {T_CreateRoleStmt, CSW_PRIVILEGE, "CREATE ROLE"},
    {T_AlterRoleStmt, CSW_PRIVILEGE, "ALTER ROLE"},
    {T_AlterRoleSetStmt, CSW_PRIVILEGE, "ALTER ROLE"},
    {T_DropRoleStmt, CSW_PRIVILEGE, "DROP ROLE"},
    {T_ReassignOwnedStmt, CSW_PRIVILEGE, "REASSIGN OWNED"},
    {T_DropOwnedStmt, CSW_DDL | CSW_PRIVILEGE, "DROP OWNED"},
    {T_AlterDefaultPrivilegesStmt, CSW_PRIVILEGE, "ALTER DEFAULT PRIVILEGES"},
    {T_AlterSystemStmt, CSW_PRIVILEGE, "ALTER SYSTEM"},
    {T_AlterDatabaseSetStmt, CSW_PRIVILEGE, "ALTER DATABASE"},
    {T_CreateUserMappingStmt, CSW_DDL | CSW_PRIVILEGE, "CREATE USER MAPPING"},
    {T_AlterUserMappingStmt, CSW_DDL | CSW_PRIVILEGE, "ALTER USER MAPPING"},
    {T_DropUserMappingStmt, CSW_DDL | CSW_PRIVILEGE, "DROP USER MAPPING"},
    // Their scripts and libraries run at the server.
    {T_CreateExtensionStmt, CSW_DDL | CSW_PROGRAM, "CREATE EXTENSION"},
    {T_AlterExtensionStmt, CSW_DDL | CSW_PROGRAM, "ALTER EXTENSION"},
    {T_CreatePLangStmt, CSW_DDL | CSW_PROGRAM, "CREATE LANGUAGE"},
    // The server connects to others.
    {T_CreateSubscriptionStmt, CSW_DDL | CSW_PROGRAM, "CREATE SUBSCRIPTION"},
    {T_AlterSubscriptionStmt, CSW_DDL | CSW_PROGRAM, "ALTER SUBSCRIPTION"},
    {T_DropSubscriptionStmt, CSW_DDL | CSW_PROGRAM, "DROP SUBSCRIPTION"},
    {T_CreateForeignServerStmt, CSW_DDL | CSW_PROGRAM, "CREATE SERVER"},
    {T_AlterForeignServerStmt, CSW_DDL | CSW_PROGRAM, "ALTER SERVER"},
    {T_CreateFdwStmt, CSW_DDL | CSW_PROGRAM, "CREATE FOREIGN DATA WRAPPER"},
    {T_AlterFdwStmt, CSW_DDL | CSW_PROGRAM, "ALTER FOREIGN DATA WRAPPER"},
    {T_CreateTableSpaceStmt, CSW_DDL | CSW_PROGRAM, "CREATE TABLESPACE"},
    {T_DropTableSpaceStmt, CSW_DDL | CSW_PROGRAM, "DROP TABLESPACE"},
    {T_AlterTableSpaceOptionsStmt, CSW_DDL, "ALTER TABLESPACE"},
    {T_AlterTableMoveAllStmt, CSW_DDL, "ALTER TABLESPACE"},
    {T_CreatedbStmt, CSW_DDL, "CREATE DATABASE"},
    {T_AlterDatabaseStmt, CSW_DDL, "ALTER DATABASE"},
    {T_AlterDatabaseRefreshCollStmt, CSW_DDL, "ALTER DATABASE"},
    {T_DropdbStmt, CSW_DDL, "DROP DATABASE"},
    {T_CompositeTypeStmt, CSW_DDL, "CREATE TYPE"},
    {T_CreateEnumStmt, CSW_DDL, "CREATE TYPE"},
    {T_CreateRangeStmt, CSW_DDL, "CREATE TYPE"},
    {T_AlterEnumStmt, CSW_DDL, "ALTER TYPE"},
    {T_AlterTypeStmt, CSW_DDL, "ALTER TYPE"},
    {T_AlterCollationStmt, CSW_DDL, "ALTER COLLATION"},
    {T_AlterOperatorStmt, CSW_DDL, "ALTER OPERATOR"},
    {T_AlterStatsStmt, CSW_DDL, "ALTER STATISTICS"},
    {T_AlterTSDictionaryStmt, CSW_DDL, "ALTER TEXT SEARCH DICTIONARY"},
    {T_AlterTSConfigurationStmt, CSW_DDL, "ALTER TEXT SEARCH CONFIGURATION"},
    {T_AlterOpFamilyStmt, CSW_DDL, "ALTER OPERATOR FAMILY"},
    {T_CreateOpFamilyStmt, CSW_DDL, "CREATE OPERATOR FAMILY"},
    {T_CreateOpClassStmt, CSW_DDL, "CREATE OPERATOR CLASS"},
    {T_CreateAmStmt, CSW_DDL, "CREATE ACCESS METHOD"},
    {T_CreateCastStmt, CSW_DDL, "CREATE CAST"},
    {T_CreateConversionStmt, CSW_DDL, "CREATE CONVERSION"},
    {T_CreateTransformStmt, CSW_DDL, "CREATE TRANSFORM"},
    {T_CreateEventTrigStmt, CSW_DDL, "CREATE EVENT TRIGGER"},
    {T_AlterEventTrigStmt, CSW_DDL, "ALTER EVENT TRIGGER"},
};

bool csw_privilege_statement(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_GrantStmt: note_grant(walk, item, (const GrantStmt *)node); return true;
    case T_GrantRoleStmt:
      csw_command(
          walk, item, ((GrantRoleStmt *)node)->is_grant ? "GRANT ROLE" : "REVOKE ROLE",
          CSW_PRIVILEGE);
      return true;
    case T_SecLabelStmt:
      csw_command(walk, item, "SECURITY LABEL", CSW_PRIVILEGE);
      csw_note_object(walk, ((SecLabelStmt *)node)->objtype, ((SecLabelStmt *)node)->object);
      return true;
    case T_CreatePolicyStmt: {
      const CreatePolicyStmt *policy = (const CreatePolicyStmt *)node;
      note_policy(
          walk, item, "CREATE POLICY", policy->table, policy->qual, policy->with_check);
      return true;
    }
    case T_AlterPolicyStmt: {
      const AlterPolicyStmt *policy = (const AlterPolicyStmt *)node;
      note_policy(walk, item, "ALTER POLICY", policy->table, policy->qual, policy->with_check);
      return true;
    }
    default: break;
  }
  for (size_t index = 0; index < sizeof(plain) / sizeof(*plain); index++) {
    if (plain[index].tag != nodeTag(node)) continue;
    csw_command(walk, item, plain[index].name, plain[index].effects);
    return true;
  }
  return false;
}
