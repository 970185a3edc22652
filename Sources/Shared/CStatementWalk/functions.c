// What is known of PostgreSQL's own functions.
#include <string.h>

#include "walk.h"

static const struct known {
  const char *name;
  uint16_t effect;
} known_functions[] = {
#include "known_functions.inc"
};

uint32_t csw_known_function_count(void) {
  return sizeof(known_functions) / sizeof(known_functions[0]);
}
const char *csw_known_function_name(uint32_t index) { return known_functions[index].name; }
uint16_t csw_known_function_effect(uint32_t index) { return known_functions[index].effect; }

static uint16_t effect_of(const char *name) {
  uint32_t low = 0, high = csw_known_function_count();
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = strcmp(name, known_functions[middle].name);
    if (order == 0) return known_functions[middle].effect;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return CSW_UNKNOWN;
}

static void note_name(
    walk_t *walk, const struct csw_item *item, const List *name, uint16_t effect) {
  int kind = effect & CSW_UNKNOWN ? CSW_FUNCTION_OTHER : CSW_FUNCTION_KNOWN;
  csw_name *added = csw_add_listed(walk, kind, name, 0);
  if (added != NULL) added->effects |= effect;
  if (item->flags & CSW_DEFERRED) return;
  csw_effect(walk, item, effect);
}

// The name without PostgreSQL's own schema; NULL for one in another.
static const char *own_name(const List *name) {
  switch (list_length(name)) {
    case 1: return csw_word(linitial(name));
    case 2: {
      const char *schema = csw_word(linitial(name));
      return schema != NULL && strcmp(schema, "pg_catalog") == 0 ? csw_word(lsecond(name)) : NULL;
    }
    default: return NULL;
  }
}

void csw_note_function(walk_t *walk, const struct csw_item *item, const List *name) {
  const char *own = own_name(name);
  note_name(walk, item, name, own == NULL ? CSW_UNKNOWN : effect_of(own));
}

void csw_note_call(walk_t *walk, const struct csw_item *item, const FuncCall *call) {
  const char *own = own_name(call->funcname);
  uint16_t effect = own == NULL ? CSW_UNKNOWN : effect_of(own);
  if (own != NULL && strcmp(own, "set_config") == 0) {
    effect |= csw_note_set_config(walk, item, call);
  }
  note_name(walk, item, call->funcname, effect);
}

void csw_note_operator(walk_t *walk, const struct csw_item *item, const List *name) {
  // Only OPERATOR(schema.+) has more than one part.
  if (list_length(name) < 2) return;
  const char *schema = csw_word(linitial(name));
  if (schema != NULL && strcmp(schema, "pg_catalog") == 0) return;
  note_name(walk, item, name, CSW_UNKNOWN);
}
