// The kinds of objects as CREATE, ALTER and DROP name them.
#include "walk.h"

#define OBJECTS(WORDS)                                      \
  WORDS(OBJECT_ACCESS_METHOD, "ACCESS METHOD") \
  WORDS(OBJECT_AGGREGATE, "AGGREGATE") \
  WORDS(OBJECT_AMOP, "OPERATOR FAMILY") \
  WORDS(OBJECT_AMPROC, "OPERATOR FAMILY") \
  WORDS(OBJECT_ATTRIBUTE, "TYPE") \
  WORDS(OBJECT_CAST, "CAST") \
  WORDS(OBJECT_COLUMN, "TABLE") \
  WORDS(OBJECT_COLLATION, "COLLATION") \
  WORDS(OBJECT_CONVERSION, "CONVERSION") \
  WORDS(OBJECT_DATABASE, "DATABASE") \
  WORDS(OBJECT_DEFAULT, "TABLE") \
  WORDS(OBJECT_DEFACL, "DEFAULT PRIVILEGES") \
  WORDS(OBJECT_DOMAIN, "DOMAIN") \
  WORDS(OBJECT_DOMCONSTRAINT, "DOMAIN") \
  WORDS(OBJECT_EVENT_TRIGGER, "EVENT TRIGGER") \
  WORDS(OBJECT_EXTENSION, "EXTENSION") \
  WORDS(OBJECT_FDW, "FOREIGN DATA WRAPPER") \
  WORDS(OBJECT_FOREIGN_SERVER, "SERVER") \
  WORDS(OBJECT_FOREIGN_TABLE, "FOREIGN TABLE") \
  WORDS(OBJECT_FUNCTION, "FUNCTION") \
  WORDS(OBJECT_INDEX, "INDEX") \
  WORDS(OBJECT_LANGUAGE, "LANGUAGE") \
  WORDS(OBJECT_LARGEOBJECT, "LARGE OBJECT") \
  WORDS(OBJECT_MATVIEW, "MATERIALIZED VIEW") \
  WORDS(OBJECT_OPCLASS, "OPERATOR CLASS") \
  WORDS(OBJECT_OPERATOR, "OPERATOR") \
  WORDS(OBJECT_OPFAMILY, "OPERATOR FAMILY") \
  WORDS(OBJECT_PARAMETER_ACL, "PARAMETER") \
  WORDS(OBJECT_POLICY, "POLICY") \
  WORDS(OBJECT_PROCEDURE, "PROCEDURE") \
  WORDS(OBJECT_PUBLICATION, "PUBLICATION") \
  WORDS(OBJECT_PUBLICATION_NAMESPACE, "PUBLICATION") \
  WORDS(OBJECT_PUBLICATION_REL, "PUBLICATION") \
  WORDS(OBJECT_ROLE, "ROLE") \
  WORDS(OBJECT_ROUTINE, "ROUTINE") \
  WORDS(OBJECT_RULE, "RULE") \
  WORDS(OBJECT_SCHEMA, "SCHEMA") \
  WORDS(OBJECT_SEQUENCE, "SEQUENCE") \
  WORDS(OBJECT_SUBSCRIPTION, "SUBSCRIPTION") \
  WORDS(OBJECT_STATISTIC_EXT, "STATISTICS") \
  WORDS(OBJECT_TABCONSTRAINT, "TABLE") \
  WORDS(OBJECT_TABLE, "TABLE") \
  WORDS(OBJECT_TABLESPACE, "TABLESPACE") \
  WORDS(OBJECT_TRANSFORM, "TRANSFORM") \
  WORDS(OBJECT_TRIGGER, "TRIGGER") \
  WORDS(OBJECT_TSCONFIGURATION, "TEXT SEARCH CONFIGURATION") \
  WORDS(OBJECT_TSDICTIONARY, "TEXT SEARCH DICTIONARY") \
  WORDS(OBJECT_TSPARSER, "TEXT SEARCH PARSER") \
  WORDS(OBJECT_TSTEMPLATE, "TEXT SEARCH TEMPLATE") \
  WORDS(OBJECT_TYPE, "TYPE") \
  WORDS(OBJECT_USER_MAPPING, "USER MAPPING") \
  WORDS(OBJECT_VIEW, "VIEW")

#define CREATE(kind, words) [kind] = "CREATE " words,
static const char *const create_names[] = {OBJECTS(CREATE)};
#define ALTER(kind, words) [kind] = "ALTER " words,
static const char *const alter_names[] = {OBJECTS(ALTER)};
#define DROP(kind, words) [kind] = "DROP " words,
static const char *const drop_names[] = {OBJECTS(DROP)};

static const char *named(const char *const *names, size_t count, ObjectType kind) {
  size_t index = (size_t)kind;
  return index < count ? names[index] : NULL;
}

#define NAMED(names, kind) named(names, sizeof(names) / sizeof(*names), kind)

static void command(
    walk_t *walk, const struct csw_item *item, const char *name, uint16_t effects) {
  if (name == NULL) csw_opaque(walk, CSW_UNPARSEABLE);
  else csw_command(walk, item, name, effects);
}

void csw_create(walk_t *walk, const struct csw_item *item, ObjectType kind, uint16_t effects) {
  command(walk, item, NAMED(create_names, kind), effects);
}

void csw_alter(walk_t *walk, const struct csw_item *item, ObjectType kind, uint16_t effects) {
  command(walk, item, NAMED(alter_names, kind), effects);
}

void csw_drop(walk_t *walk, const struct csw_item *item, ObjectType kind, uint16_t effects) {
  command(walk, item, NAMED(drop_names, kind), effects);
}

void csw_note_object(walk_t *walk, ObjectType kind, const Node *object) {
  if (object == NULL || !IsA(object, List)) return;
  switch (kind) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_SEQUENCE: csw_add_listed(walk, CSW_TABLE_OTHER, (const List *)object, 0); return;
    // The last word is what belongs to the table.
    case OBJECT_COLUMN:
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
    case OBJECT_TABCONSTRAINT:
      csw_add_listed(walk, CSW_TABLE_OTHER, (const List *)object, 1);
      return;
    default: return;
  }
}
