// The list of nodes that are still to be looked at: a stack of its own instead of the thread's.
#include <stdlib.h>
#include <string.h>

#include "walk.h"

enum { SCOPES_IN_A_BLOCK = 32 };

struct csw_scope_block {
  struct csw_scope_block *next;
  struct csw_scope scopes[SCOPES_IN_A_BLOCK];
};

static bool grow(walk_t *walk) {
  // Lists within lists aside, an item is a node, so that their limit bounds this too.
  if (walk->item_room > walk->limits.nodes * 2) return false;
  uint32_t room = walk->item_room * 2;
  bool is_first = walk->items == walk->first_items;
  struct csw_item *items =
      realloc(is_first ? NULL : walk->items, sizeof(struct csw_item) * (size_t)room);
  if (items == NULL) return false;
  if (is_first) memcpy(items, walk->first_items, sizeof(walk->first_items));
  walk->items = items;
  walk->item_room = room;
  return true;
}

void csw_push_scoped(
    walk_t *walk, const struct csw_item *from, const void *node, const struct csw_scope *scope,
    uint16_t flags) {
  if (node == NULL) return;
  if (walk->item_count == walk->item_room && !grow(walk)) {
    csw_opaque(walk, CSW_TOO_MANY);
    return;
  }
  struct csw_item *item = &walk->items[walk->item_count++];
  item->node = (Node *)node;
  item->scope = scope;
  item->depth = from->depth + 1;
  item->flags = flags;
}

void csw_push_flagged(
    walk_t *walk, const struct csw_item *from, const void *node, uint16_t flags) {
  csw_push_scoped(walk, from, node, from->scope, flags);
}

void csw_push(walk_t *walk, const struct csw_item *from, const void *node) {
  csw_push_scoped(walk, from, node, from->scope, from->flags & ~CSW_TOP);
}

void csw_turn(walk_t *walk, uint32_t start) {
  if (walk->item_count < 2) return;
  for (uint32_t low = start, high = walk->item_count - 1; low < high; low++, high--) {
    struct csw_item kept = walk->items[low];
    walk->items[low] = walk->items[high];
    walk->items[high] = kept;
  }
}

const struct csw_scope *csw_scope_make(
    walk_t *walk, const struct csw_scope *outer, const List *expressions, int visible) {
  if (walk->scope_count >= walk->limits.names * 2) {
    csw_opaque(walk, CSW_TOO_MANY);
    return NULL;
  }
  uint32_t place = walk->scope_count % SCOPES_IN_A_BLOCK;
  if (place == 0) {
    struct csw_scope_block *block = malloc(sizeof(struct csw_scope_block));
    if (block == NULL) {
      csw_opaque(walk, CSW_TOO_MANY);
      return NULL;
    }
    block->next = walk->scopes;
    walk->scopes = block;
  }
  struct csw_scope *scope = &walk->scopes->scopes[place];
  walk->scope_count++;
  scope->outer = outer;
  scope->expressions = expressions;
  scope->visible = visible;
  return scope;
}

void csw_free_scopes(walk_t *walk) {
  while (walk->scopes != NULL) {
    struct csw_scope_block *next = walk->scopes->next;
    free(walk->scopes);
    walk->scopes = next;
  }
}
