// What stands below the nodes of queries and expressions.
#include "walk.h"

static void push_list(walk_t *walk, const struct csw_item *item, const List *list) {
  csw_push(walk, item, list);
}

// The common table expressions of a WITH, and the scope that the rest of its statement sees; the one
// around it when there is none.
static const struct csw_scope *push_with(
    walk_t *walk, const struct csw_item *item, const WithClause *with) {
  if (with == NULL || with->ctes == NIL) return item->scope;
  int count = list_length(with->ctes);
  const struct csw_scope *whole = csw_scope_make(walk, item->scope, with->ctes, count);
  for (int index = 0; index < count; index++) {
    const CommonTableExpr *expression = list_nth(with->ctes, index);
    const struct csw_scope *seen =
        with->recursive ? whole : csw_scope_make(walk, item->scope, with->ctes, index);
    csw_push_scoped(walk, item, expression, seen, item->flags & ~CSW_TOP);
  }
  return whole;
}

static bool push_select(walk_t *walk, const struct csw_item *item, const SelectStmt *select) {
  struct csw_item inner = *item;
  inner.flags &= ~CSW_TOP;
  inner.scope = push_with(walk, item, select->withClause);
  push_list(walk, &inner, select->distinctClause);
  push_list(walk, &inner, select->targetList);
  push_list(walk, &inner, select->valuesLists);
  csw_push(walk, &inner, select->larg);
  csw_push(walk, &inner, select->rarg);
  push_list(walk, &inner, select->fromClause);
  csw_push(walk, &inner, select->whereClause);
  push_list(walk, &inner, select->groupClause);
  csw_push(walk, &inner, select->havingClause);
  push_list(walk, &inner, select->windowClause);
  push_list(walk, &inner, select->sortClause);
  csw_push(walk, &inner, select->limitOffset);
  csw_push(walk, &inner, select->limitCount);
  return true;
}

static bool push_change(walk_t *walk, const struct csw_item *item) {
  struct csw_item inner = *item;
  inner.flags &= ~CSW_TOP;
  switch (nodeTag(item->node)) {
    case T_InsertStmt: {
      const InsertStmt *insert = (const InsertStmt *)item->node;
      inner.scope = push_with(walk, item, insert->withClause);
      push_list(walk, &inner, insert->cols);
      csw_push(walk, &inner, insert->selectStmt);
      csw_push(walk, &inner, insert->onConflictClause);
      push_list(walk, &inner, insert->returningList);
      return true;
    }
    case T_UpdateStmt: {
      const UpdateStmt *update = (const UpdateStmt *)item->node;
      inner.scope = push_with(walk, item, update->withClause);
      push_list(walk, &inner, update->targetList);
      push_list(walk, &inner, update->fromClause);
      csw_push(walk, &inner, update->whereClause);
      push_list(walk, &inner, update->returningList);
      return true;
    }
    case T_DeleteStmt: {
      const DeleteStmt *delete = (const DeleteStmt *)item->node;
      inner.scope = push_with(walk, item, delete->withClause);
      push_list(walk, &inner, delete->usingClause);
      csw_push(walk, &inner, delete->whereClause);
      push_list(walk, &inner, delete->returningList);
      return true;
    }
    default: {
      const MergeStmt *merge = (const MergeStmt *)item->node;
      inner.scope = push_with(walk, item, merge->withClause);
      csw_push(walk, &inner, merge->sourceRelation);
      csw_push(walk, &inner, merge->joinCondition);
      push_list(walk, &inner, merge->mergeWhenClauses);
      return true;
    }
  }
}

static bool push_window(walk_t *walk, const struct csw_item *item, const WindowDef *window) {
  push_list(walk, item, window->partitionClause);
  push_list(walk, item, window->orderClause);
  csw_push(walk, item, window->startOffset);
  csw_push(walk, item, window->endOffset);
  return true;
}

// What stands in FROM, and parts of a query that are no expressions.
static bool push_clause(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_RangeSubselect: csw_push(walk, item, ((RangeSubselect *)node)->subquery); return true;
    case T_RangeFunction: push_list(walk, item, ((RangeFunction *)node)->functions); return true;
    case T_RangeTableSample:
      csw_push(walk, item, ((RangeTableSample *)node)->relation);
      push_list(walk, item, ((RangeTableSample *)node)->args);
      csw_push(walk, item, ((RangeTableSample *)node)->repeatable);
      return true;
    case T_RangeTableFunc:
      csw_push(walk, item, ((RangeTableFunc *)node)->docexpr);
      csw_push(walk, item, ((RangeTableFunc *)node)->rowexpr);
      push_list(walk, item, ((RangeTableFunc *)node)->namespaces);
      push_list(walk, item, ((RangeTableFunc *)node)->columns);
      return true;
    case T_RangeTableFuncCol:
      csw_push(walk, item, ((RangeTableFuncCol *)node)->colexpr);
      csw_push(walk, item, ((RangeTableFuncCol *)node)->coldefexpr);
      return true;
    case T_JoinExpr:
      csw_push(walk, item, ((JoinExpr *)node)->larg);
      csw_push(walk, item, ((JoinExpr *)node)->rarg);
      csw_push(walk, item, ((JoinExpr *)node)->quals);
      return true;
    case T_CommonTableExpr: {
      const CommonTableExpr *expression = (const CommonTableExpr *)node;
      csw_push(walk, item, expression->ctequery);
      if (expression->cycle_clause != NULL) {
        csw_push(walk, item, expression->cycle_clause->cycle_mark_value);
        csw_push(walk, item, expression->cycle_clause->cycle_mark_default);
      }
      return true;
    }
    case T_OnConflictClause: {
      const OnConflictClause *conflict = (const OnConflictClause *)node;
      if (conflict->infer != NULL) {
        push_list(walk, item, conflict->infer->indexElems);
        csw_push(walk, item, conflict->infer->whereClause);
      }
      push_list(walk, item, conflict->targetList);
      csw_push(walk, item, conflict->whereClause);
      return true;
    }
    case T_MergeWhenClause:
      csw_push(walk, item, ((MergeWhenClause *)node)->condition);
      push_list(walk, item, ((MergeWhenClause *)node)->targetList);
      push_list(walk, item, ((MergeWhenClause *)node)->values);
      return true;
    case T_ResTarget:
      push_list(walk, item, ((ResTarget *)node)->indirection);
      csw_push(walk, item, ((ResTarget *)node)->val);
      return true;
    case T_MultiAssignRef:
      // Each column of `(a, b) = (…)` has the same source; the first has it walked.
      if (((MultiAssignRef *)node)->colno == 1) {
        csw_push(walk, item, ((MultiAssignRef *)node)->source);
      }
      return true;
    case T_SortBy: csw_push(walk, item, ((SortBy *)node)->node); return true;
    case T_WindowDef: return push_window(walk, item, (const WindowDef *)node);
    case T_GroupingSet: push_list(walk, item, ((GroupingSet *)node)->content); return true;
    case T_IndexElem: csw_push(walk, item, ((IndexElem *)node)->expr); return true;
    case T_DefElem: csw_push(walk, item, ((DefElem *)node)->arg); return true;
    default: return false;
  }
}

static bool push_expression(walk_t *walk, const struct csw_item *item) {
  Node *node = item->node;
  switch (nodeTag(node)) {
    case T_A_Expr:
      csw_push(walk, item, ((A_Expr *)node)->lexpr);
      csw_push(walk, item, ((A_Expr *)node)->rexpr);
      return true;
    case T_BoolExpr: push_list(walk, item, ((BoolExpr *)node)->args); return true;
    case T_TypeCast: csw_push(walk, item, ((TypeCast *)node)->arg); return true;
    case T_CollateClause: csw_push(walk, item, ((CollateClause *)node)->arg); return true;
    case T_FuncCall: {
      const FuncCall *call = (const FuncCall *)node;
      push_list(walk, item, call->args);
      push_list(walk, item, call->agg_order);
      csw_push(walk, item, call->agg_filter);
      csw_push(walk, item, call->over);
      return true;
    }
    case T_NamedArgExpr: csw_push(walk, item, ((NamedArgExpr *)node)->arg); return true;
    case T_A_Indices:
      csw_push(walk, item, ((A_Indices *)node)->lidx);
      csw_push(walk, item, ((A_Indices *)node)->uidx);
      return true;
    case T_A_Indirection:
      csw_push(walk, item, ((A_Indirection *)node)->arg);
      push_list(walk, item, ((A_Indirection *)node)->indirection);
      return true;
    case T_A_ArrayExpr: push_list(walk, item, ((A_ArrayExpr *)node)->elements); return true;
    case T_SubLink:
      csw_push(walk, item, ((SubLink *)node)->testexpr);
      csw_push(walk, item, ((SubLink *)node)->subselect);
      return true;
    case T_CaseExpr:
      csw_push(walk, item, ((CaseExpr *)node)->arg);
      push_list(walk, item, ((CaseExpr *)node)->args);
      csw_push(walk, item, ((CaseExpr *)node)->defresult);
      return true;
    case T_CaseWhen:
      csw_push(walk, item, ((CaseWhen *)node)->expr);
      csw_push(walk, item, ((CaseWhen *)node)->result);
      return true;
    case T_RowExpr: push_list(walk, item, ((RowExpr *)node)->args); return true;
    case T_CoalesceExpr: push_list(walk, item, ((CoalesceExpr *)node)->args); return true;
    case T_MinMaxExpr: push_list(walk, item, ((MinMaxExpr *)node)->args); return true;
    case T_XmlExpr:
      push_list(walk, item, ((XmlExpr *)node)->named_args);
      push_list(walk, item, ((XmlExpr *)node)->args);
      return true;
    case T_XmlSerialize: csw_push(walk, item, ((XmlSerialize *)node)->expr); return true;
    case T_NullTest: csw_push(walk, item, ((NullTest *)node)->arg); return true;
    case T_BooleanTest: csw_push(walk, item, ((BooleanTest *)node)->arg); return true;
    case T_GroupingFunc: push_list(walk, item, ((GroupingFunc *)node)->args); return true;
    default: return false;
  }
}

bool csw_push_children(walk_t *walk, const struct csw_item *item) {
  switch (nodeTag(item->node)) {
    // Nothing below them.
    case T_A_Const:
    case T_ColumnRef:
    case T_ParamRef:
    case T_A_Star:
    case T_SQLValueFunction:
    case T_SetToDefault:
    case T_CurrentOfExpr:
    case T_RangeVar:
    case T_TypeName:
    case T_String:
    case T_Integer:
    case T_Float:
    case T_Boolean:
    case T_BitString: return true;
    case T_List: {
      // A list is no level of its own.
      struct csw_item level = *item;
      if (level.depth > 0) level.depth--;
      const ListCell *cell;
      foreach (cell, (List *)item->node) csw_push(walk, &level, lfirst(cell));
      return true;
    }
    case T_SelectStmt: return push_select(walk, item, (const SelectStmt *)item->node);
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
    case T_MergeStmt: return push_change(walk, item);
    default: return push_expression(walk, item) || push_clause(walk, item);
  }
}
