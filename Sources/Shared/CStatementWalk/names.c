// Sets of names, each once and in the order they were found.
#include <stdlib.h>
#include <string.h>

#include "walk.h"

static uint32_t hashed(int kind, const char *const *parts, int count) {
  // FNV-1a.
  uint32_t hash = 2166136261u ^ (uint32_t)kind;
  for (int index = 0; index < count; index++) {
    for (const char *byte = parts[index]; *byte != 0; byte++) {
      hash = (hash ^ (uint8_t)*byte) * 16777619u;
    }
    hash = (hash ^ 0xFF) * 16777619u;
  }
  return hash ^ hash >> 15;
}

static bool same(const csw_name *name, int kind, const char *const *parts, int count) {
  if (name->kind != kind || name->count != count) return false;
  for (int index = 0; index < count; index++) {
    if (strcmp(name->parts[index], parts[index]) != 0) return false;
  }
  return true;
}

// The slot of the name, or the empty one where it belongs.
static uint32_t slot_of(
    const walk_t *walk, uint32_t hash, int kind, const char *const *parts, int count) {
  uint32_t mask = walk->slot_count - 1;
  uint32_t slot = hash & mask;
  while (walk->slots[slot] != 0) {
    const csw_name *name = &walk->names[walk->slots[slot] - 1];
    if (name->hash == hash && same(name, kind, parts, count)) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

static bool grow_slots(walk_t *walk) {
  uint32_t count = walk->slot_count * 4;
  uint32_t *slots = calloc(count, sizeof(uint32_t));
  if (slots == NULL) return false;
  for (uint32_t index = 0; index < walk->facts.name_count; index++) {
    uint32_t slot = walk->names[index].hash & (count - 1);
    while (slots[slot] != 0) slot = (slot + 1) & (count - 1);
    slots[slot] = index + 1;
  }
  if (walk->slots != walk->first_slots) free(walk->slots);
  walk->slots = slots;
  walk->slot_count = count;
  return true;
}

static bool grow_names(walk_t *walk) {
  uint32_t room = walk->name_room * 4;
  bool is_first = walk->names == walk->first_names;
  csw_name *names = realloc(is_first ? NULL : walk->names, sizeof(csw_name) * (size_t)room);
  if (names == NULL) return false;
  if (is_first) memcpy(names, walk->first_names, sizeof(walk->first_names));
  walk->names = names;
  walk->name_room = room;
  walk->facts.names = names;
  return true;
}

csw_name *csw_add(walk_t *walk, int kind, const char *const *parts, int count) {
  if (count <= 0 || count > CSW_MAXIMUM_PARTS) return NULL;
  uint32_t hash = hashed(kind, parts, count);
  uint32_t slot = slot_of(walk, hash, kind, parts, count);
  if (walk->slots[slot] != 0) return &walk->names[walk->slots[slot] - 1];
  if (walk->facts.counts[kind] >= walk->limits.names ||
      (walk->facts.name_count == walk->name_room && !grow_names(walk))) {
    csw_opaque(walk, CSW_TOO_MANY);
    return NULL;
  }
  csw_name *name = &walk->names[walk->facts.name_count++];
  for (int index = 0; index < count; index++) name->parts[index] = parts[index];
  name->hash = hash;
  name->count = (uint8_t)count;
  name->kind = (uint8_t)kind;
  name->effects = 0;
  walk->facts.counts[kind]++;
  walk->slots[slot] = walk->facts.name_count;
  if (walk->facts.name_count * 2 > walk->slot_count && !grow_slots(walk)) {
    csw_opaque(walk, CSW_TOO_MANY);
    // A full table would be searched for ever.
    if (walk->facts.name_count + 1 >= walk->slot_count) walk->limits.names = 0;
  }
  return name;
}

bool csw_has(const walk_t *walk, int kind, const char *const *parts, int count) {
  return walk->slots[slot_of(walk, hashed(kind, parts, count), kind, parts, count)] != 0;
}

void csw_add_one(walk_t *walk, int kind, const char *name) {
  if (name != NULL) csw_add(walk, kind, &name, 1);
}

static int parts_of(const RangeVar *table, const char **parts) {
  int count = 0;
  if (table->catalogname != NULL) parts[count++] = table->catalogname;
  if (table->schemaname != NULL) parts[count++] = table->schemaname;
  if (table->relname != NULL) parts[count++] = table->relname;
  return count;
}

void csw_add_table(walk_t *walk, int kind, const RangeVar *table) {
  if (table == NULL) return;
  const char *parts[3];
  int count = parts_of(table, parts);
  csw_add(walk, kind, parts, count);
  if (kind == CSW_TABLE_OTHER) return;
  if (table->alias != NULL) {
    csw_add_one(walk, CSW_ALIAS, table->alias->aliasname);
    // New names for the columns hide which they are.
    if (table->alias->colnames != NIL) csw_add_whole(walk, parts, count);
    return;
  }
  for (int skipped = 0; skipped < count; skipped++) {
    csw_add(walk, CSW_ALIAS, parts + skipped, count - skipped);
  }
}

csw_name *csw_add_listed(walk_t *walk, int kind, const List *words, int dropped) {
  const char *parts[CSW_MAXIMUM_PARTS];
  int length = list_length(words) - dropped;
  // More than four, and no server takes it; but it was there.
  int wanted = length < CSW_MAXIMUM_PARTS ? length : CSW_MAXIMUM_PARTS;
  for (int index = 0; index < wanted; index++) {
    parts[index] = csw_word(list_nth(words, length - wanted + index));
    if (parts[index] == NULL) return NULL;
  }
  return csw_add(walk, kind, parts, wanted);
}

void csw_add_whole(walk_t *walk, const char *const *parts, int count) {
  const char *longer[CSW_MAXIMUM_PARTS];
  if (count >= CSW_MAXIMUM_PARTS) return;
  for (int index = 0; index < count; index++) longer[index] = parts[index];
  longer[count] = "*";
  csw_add(walk, CSW_COLUMN, longer, count + 1);
}

void csw_find_whole_rows(walk_t *walk) {
  // Those that are added on the way end in `*` and are none themselves.
  uint32_t count = walk->facts.name_count;
  for (uint32_t index = 0; index < count; index++) {
    const csw_name name = walk->names[index];
    if (name.kind == CSW_COLUMN && csw_has(walk, CSW_ALIAS, name.parts, name.count)) {
      csw_add_whole(walk, name.parts, name.count);
    }
  }
}

void csw_effect(walk_t *walk, const struct csw_item *item, uint16_t effects) {
  // What EXPLAIN shows does not run; what cannot be told stays so.
  if (item->flags & CSW_EXPLAINED) effects &= CSW_READ | CSW_UNKNOWN;
  walk->facts.effects |= effects;
}

void csw_command(
    walk_t *walk, const struct csw_item *item, const char *name, uint16_t effects) {
  csw_effect(walk, item, effects);
  if (item->flags & CSW_EXPLAINED) return;
  csw_facts *facts = &walk->facts;
  for (int index = 0; index < facts->command_count; index++) {
    // The same words can be more than one constant.
    if (strcmp(facts->commands[index], name) == 0) return;
  }
  if (facts->command_count == CSW_MAXIMUM_COMMANDS) {
    csw_opaque(walk, CSW_TOO_MANY);
    return;
  }
  facts->commands[facts->command_count++] = name;
}

void csw_opaque(walk_t *walk, int opacity) {
  walk->facts.effects |= CSW_UNKNOWN;
  if (walk->facts.opacity == CSW_CLEAR) walk->facts.opacity = (uint8_t)opacity;
}
