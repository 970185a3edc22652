import Testing

/// Texts that are refused, with the line and a part of what is told.
struct BadInput: Sendable, CustomTestStringConvertible {
  let text: String
  let line: Int
  let message: String
  let remedy: String
  var testDescription: String { message }

  init(_ text: String, _ line: Int, _ message: String, _ remedy: String) {
    self.text = text
    self.line = line
    self.message = message
    self.remedy = remedy
  }

  /// In a grant that is whole, on line 6.
  static func grant(_ line: String, _ message: String, _ remedy: String) -> BadInput {
    BadInput(
      """
      policy: p
      grants:
        - name: g
          to: { groups: [x] }
          role: r
          \(line)
          \(line.hasPrefix("effects") ? "message: m" : "effects: [read]")
      """, 6, message, remedy)
  }

  /// A rule in a policy, on line 3.
  static func rule(_ rule: String, _ message: String, _ remedy: String) -> BadInput {
    BadInput("policy: p\nrules:\n  - { \(rule) }\n", 3, message, remedy)
  }

  /// What a rule refuses, on line 3.
  static func deny(_ match: String, _ message: String, _ remedy: String) -> BadInput {
    rule("name: r, deny: { \(match) }", message, remedy)
  }

  static let all: [BadInput] = yaml + policies + grants + rules + matches

  static let yaml: [BadInput] = [
    BadInput("policy: [", 2, "it is not YAML", "mend the line"),
    BadInput("policy: p\n\tgrants: x", 2, "it is not YAML", "mend the line"),
    BadInput("policy: \"p", 1, "it is not YAML", "mend the line"),
    BadInput("policy: p\u{7}", 1, "it is not YAML: control characters", "mend the line"),
    BadInput("policy: p\u{0}\ngrants: []", 1, "it is not YAML", "mend the line"),
    BadInput("policy: &a p\nmode: *a", 1, "it has an anchor (&)", "write the value out"),
    BadInput("policy: p\nmode: *a", 2, "it has an alias (*)", "write the value out"),
    BadInput("policy: !!str p", 1, "it has a tag (!)", "leave it out"),
    BadInput("policy: !ruby/object p", 1, "it has a tag (!)", "leave it out"),
    BadInput("policy: p\ngrants: &g [*g]", 2, "it has an anchor", "write the value out"),
    BadInput("policy: p\n<<: { mode: observe }", 2, "merge key", "write the keys out"),
    BadInput("policy: p\n? [a]\n: b", 2, "a key is a list or a mapping", "write a name"),
    BadInput(
      "policy: p\nmode: observe\npolicy: q", 3, "the key \"policy\" stands twice",
      "leave one out"),
    BadInput(String(repeating: "[", count: 33), 1, "nests more than 32 deep", "flatter"),
    BadInput(String(repeating: "[", count: 1_000_000), 1, "nests more than 32 deep", "flatter"),
    BadInput(String(repeating: "{a: ", count: 200_000), 1, "nests more than 32 deep", "flatter"),
    BadInput(String(repeating: "- ", count: 500_000), 1, "nests more than 32 deep", "flatter"),
    BadInput(String(repeating: "? ", count: 500_000), 1, "a key is a list or a mapping", "name"),
    BadInput(String(repeating: "#", count: 1_048_577), 1, "the file has 1048577 bytes", "split"),
    BadInput("- policy: p", 1, "a policy is a list of 1", "write a mapping"),
    BadInput("policy", 1, "a policy is \"policy\"", "write a mapping"),
    BadInput("{}", 1, "a policy is empty", "write keys such as policy"),
  ]

  static let policies: [BadInput] = [
    BadInput(
      "mode: observe\nrules: [{ name: r, deny: { opaque: true } }]", 1,
      "a policy has no \"policy\"", "such as policy: orders-prod"),
    BadInput("policy: p", 1, "no grants and no rules", "add some"),
    BadInput("policy: Orders\nrules: x", 1, "the name \"Orders\" is not one", "lower-case"),
    BadInput("policy: .a\nrules: x", 1, "the name \".a\" is not one", "a letter or digit first"),
    BadInput("policy: a b\nrules: x", 1, "the name \"a b\" is not one", "1 to 63"),
    BadInput("policy: \(String(repeating: "a", count: 64))", 1, "is not one", "1 to 63"),
    BadInput("policy: [p]\nrules: x", 1, "\"policy\" is a list of 1", "write one text"),
    BadInput("policy:\nrules: x", 1, "the key \"policy\" of a policy has no value", "leave"),
    BadInput(
      "policy: p\nmode: audit", 2, "\"mode\" has the unknown value \"audit\"",
      "write one of enforce, observe"),
    BadInput("policy: p\nmode: observed", 2, "unknown value \"observed\"", "mean \"observe\"?"),
    BadInput("policy: p\nrule: []", 2, "the unknown key \"rule\"", "did you mean \"rules\"?"),
    BadInput("policy: p\non: orders", 2, "\"on\" is \"orders\"", "connections, labels"),
    BadInput("policy: p\non: {}", 2, "\"on\" is empty", "connections, labels"),
    BadInput(
      "policy: p\non: { connection: [a] }", 2, "unknown key \"connection\"",
      "did you mean \"connections\"?"),
    BadInput("policy: p\non: { connections: [] }", 2, "\"connections\" is a list of 0", "leave"),
    BadInput(
      "policy: p\non: { connections: [a, [b]] }", 2, "a value of \"connections\" is a list",
      "write a text"),
    BadInput("policy: p\non: { connections: [a, a] }", 2, "has \"a\" twice", "leave one out"),
    BadInput("policy: p\non: { connections: [a**b] }", 2, "two stars in a row", "one \"*\""),
    BadInput("policy: p\non: { labels: [env] }", 2, "\"labels\" is a list", "{ env: prod }"),
    BadInput("policy: p\non: { labels: { env: } }", 2, "the label \"env\" has no value", "any"),
    BadInput("policy: p\ngrants: g", 2, "\"grants\" is \"g\"", "write a list"),
    BadInput("policy: p\ngrants: []", 2, "\"grants\" is a list of 0", "leave the key out"),
    BadInput("policy: p\ngrants:\n  - g", 3, "a grant is \"g\"", "write a mapping"),
    BadInput(
      "policy: p\nrules:\n - { name: r, deny: { opaque: true } }\n"
        + " - { name: r, deny: { opaque: true } }", 4, "the name \"r\" stands twice", "in line 3"),
  ]

  static let grants: [BadInput] = [
    grant("rows: 5", "a grant has the unknown key \"rows\"", "write one of name"),
    grant("max_row: 5", "unknown key \"max_row\"", "did you mean \"max_rows\"?"),
    grant("effects: [raed]", "the effect \"raed\" is unknown", "did you mean \"read\"?"),
    grant("effects: [select]", "the effect \"select\" is unknown", "write one of read, write"),
    grant("effects: []", "\"effects\" is a list of 0", "write a value"),
    grant("effects: { read: true }", "\"effects\" is a mapping", "write a list"),
    grant("effects: [read, transaction]", "names the effect \"transaction\"", "every session"),
    grant("max_rows: -1", "\"max_rows\" is \"-1\"", "a whole number from 1"),
    grant("max_rows: 0", "\"max_rows\" is \"0\"", "a whole number from 1"),
    grant("max_rows: \"5\"", "\"max_rows\" is \"5\"", "a whole number"),
    grant("max_rows: 99999999999999999999", "\"max_rows\" is", "a whole number"),
    grant("max_statement_bytes: 10", "\"max_statement_bytes\" is \"10\"", "from 10000"),
    grant("statement_timeout: 15", "\"15\" is not a length of time", "such as 15s"),
    grant("idle_timeout: 400d", "\"400d\" is outside", "write 1ms to 366d"),
    grant("delegation: 2", "\"delegation\" is \"2\"", "max_depth"),
    grant("delegation: { depth: 2 }", "unknown key \"depth\"", "max_depth"),
    grant("delegation: { max_depth: many }", "\"max_depth\" is \"many\"", "from 0 to 100"),
    grant("tables: [a.b.c]", "\"a.b.c\" has more than 2 parts", "leave the database out"),
    grant("tables: [\"a b\"]", "\"a b\" is not a name of this kind", "public.orders"),
    grant("functions: [f()]", "\"f()\" is not a name of this kind", "as in SQL"),
    grant("when: { times: [\"9-5\"] }", "\"9-5\" is not a time window", "Mon-Fri 08:00-18:00"),
    grant(
      "when: { times: [\"08:00-09:00 Europe/Bonn\"] }", "\"Europe/Bonn\" is not a time zone",
      "Europe/Berlin"),
    grant("when: { times: [\"Mo 08:00-09:00\"] }", "\"mo\" is not a day", "Mon, Tue"),
    grant("when: { times: [\"08:00-08:00\"] }", "ends when it begins", "00:00-24:00"),
    grant("when: { networks: [10.0.0.1/8] }", "bits behind its prefix", "write 10.0.0.0/8"),
    grant("when: { networks: [10.0.0.0/40] }", "has the prefix \"40\"", "from 0 to 32"),
    grant("when: { networks: [office] }", "\"office\" is not a network", "10.0.0.0/8"),
    grant("when: { applications: [psql] }", "unknown key \"applications\"", "times, networks"),
    grant("message: \"a\\nb\"", "\"message\" is \"a\\nb\"", "one line"),
    BadInput("policy: p\ngrants:\n  - { role: r }", 3, "a grant has no \"name\"", "add one"),
  ]

  static let rules: [BadInput] = [
    rule("name: r", "the rule does nothing", "exactly one of deny, hold, allow and mask"),
    rule(
      "name: r, deny: { opaque: true }, allow: { effects: [read] }", "\"deny\" and \"allow\"",
      "exactly one"),
    rule("name: r, forbid: { opaque: true }", "unknown key \"forbid\"", "write one of name"),
    rule("deny: { opaque: true }", "a rule has no \"name\"", "add one"),
    rule("name: r, deny: {}", "\"deny\" is empty", "write keys such as effects"),
    rule("name: r, deny: { opaque: true }, wait: 5m", "\"wait\" and no \"hold\"", "leave it out"),
    rule("name: r, deny: { opaque: true }, to: {}", "\"to\" is empty", "users"),
    rule("name: r, deny: { opaque: true }, to: { group: [a] }", "unknown key \"group\"", "groups"),
    rule(
      "name: r, deny: { opaque: true }, to: { kinds: [robot] }", "unknown value \"robot\"",
      "user, service, ai_agent"),
    rule("name: r, allow: { commands: [SET] }", "\"allow\" has no \"effects\"", "[session]"),
    rule(
      "name: r, allow: { effects: [read], applications: [x] }", "asks for \"applications\"",
      "a client calls itself what it likes"),
    rule("name: r, mask: { columns: [a] }", "\"mask\" has no \"with\"", "with: email"),
    rule("name: r, mask: { with: email }", "\"mask\" has no \"columns\"", "columns: ["),
    rule("name: r, mask: { columns: [a.b.c.d], with: x }", "more than 3 parts", "email"),
  ]

  static let matches: [BadInput] = [
    deny("commands: [DROP TABEL]", "no command is called \"DROP TABEL\"", "mean \"DROP TABLE\"?"),
    deny("commands: [FLY]", "no command is called \"FLY\"", "such as DROP TABLE"),
    deny("commands: [\"DORP *\"]", "no command is called \"DORP *\"", "DROP"),
    deny("opaque: yes", "\"opaque\" is \"yes\"", "true or false"),
    deny("unfiltered: 1", "\"unfiltered\" is \"1\"", "true or false"),
    deny("depth: { min: 3, max: 1 }", "\"depth\" is from 3 to 1", "not above max"),
    deny("depth: 3", "\"depth\" is \"3\"", "min, max"),
    deny("depth: { minimum: 3 }", "unknown key \"minimum\"", "min"),
    deny("table: [a]", "unknown key \"table\"", "did you mean \"tables\"?"),
    deny("tables: [a, ~]", "a value of \"tables\" is nothing", "write a text"),
    deny("settings: [\"\"]", "the name is empty", "write a name"),
    deny("columns: [a..b]", "\"a..b\" is not a name", "public.customers.email"),
  ]
}
