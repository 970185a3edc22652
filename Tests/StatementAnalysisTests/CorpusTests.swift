import Foundation
import GatewayModel
import StatementAnalysis
import TestSupport
import Testing

/// The facts of each statement of the corpus are compared with what a real server did.
@Suite struct CorpusTests {
  @Test func factsAreWhatTheServerDid() async throws {
    let cluster = try await PostgresCluster(
      settings: ["max_prepared_transactions = 4", "wal_level = logical"])
    let scratch = try ScratchFolder("corpus")
    // The server's own user writes there.
    _ = try await run("chmod", ["777", scratch.path])
    let corpus = try Corpus(scratch: scratch.path)
    let outcome = try await run(
      "/usr/bin/python3",
      [
        Corpus.folder.appending(path: "observe.py").path, "127.0.0.1", "\(cluster.port)",
        cluster.superuser, scratch.path,
      ],
      environment: ["PGPASSWORD": cluster.superuserPassword],
      input: String(decoding: try JSONEncoder().encode(corpus.cases), as: UTF8.self),
      within: .seconds(200))
    guard outcome.succeeded else {
      throw TestFailure("apt-get install python3-psycopg? \(outcome.errors)")
    }
    let seen = try JSONDecoder().decode([Observation].self, from: Data(outcome.output.utf8))
    try #require(seen.count == corpus.cases.count && seen.count >= 250)

    var misclassified: [String] = []
    for (example, observation) in zip(corpus.cases, seen) {
      let judgement = Judgement(
        example: example, seen: observation, facts: StatementAnalysis.facts(of: example.sql))
      misclassified += judgement.complaints().map { "\(example.name): \($0)" }
    }
    let hidden = corpus.cases.filter { $0.flags.contains(.hidden) }.count
    print("corpus: \(seen.count) cases, misclassified: \(misclassified.count)")
    print("corpus: \(hidden) of them hide from any text; a read-only transaction refused each")
    #expect(misclassified == [])
  }
}

/// One statement's facts beside what the server did.
private struct Judgement {
  var example: Corpus.Case
  var seen: Observation
  var facts: StatementFacts

  private var isUnknown: Bool { facts.effects.contains(.unknown) }

  func complaints() -> [String] {
    let isRefused = !seen.error.isEmpty
    guard isRefused == example.flags.contains(.fails) else {
      return [isRefused ? "it failed: \(seen.error)" : "it ran, and should not"]
    }
    // What did not run did nothing.
    if isRefused { return [] }
    if example.flags.contains(.hidden) { return hiddenComplaints() }
    return writeComplaints() + lockComplaints() + settingComplaints() + tagComplaints()
      + fileComplaints()
  }

  /// It wrote, no text shows it, and the server refuses it where a grant only reads.
  private func hiddenComplaints() -> [String] {
    var complaints: [String] = []
    if seen.written == [] { complaints.append("it wrote nothing, so that it hides nothing") }
    if seen.errorWhenReadOnly?.hasPrefix("25006") != true {
      complaints.append("a read-only transaction let it pass")
    }
    return complaints
  }

  /// Whether a relation of the server is one that the text names, or is reached through one.
  private func isNamed(_ relation: String, as access: [StatementFacts.TableUse.Access]) -> Bool {
    facts.tables.contains { use in
      guard access.contains(use.access) else { return false }
      let name = use.name.parts.suffix(2).joined(separator: ".")
      let isBare = use.name.parts.count == 1
      func matches(_ other: String) -> Bool {
        let plain = other.replacing("\"", with: "")
        return isBare ? plain.hasSuffix(".\(name)") : plain == name
      }
      return matches(relation)
        || (seen.related ?? []).contains { matches($0[0]) && $0[1] == relation }
    }
  }

  private func writeComplaints() -> [String] {
    let written = seen.written ?? []
    guard !written.isEmpty, !isUnknown else { return [] }
    var complaints: [String] = []
    let harmless: StatementEffects = [.read, .transaction, .setting, .lock]
    if facts.effects.isSubset(of: harmless) {
      complaints.append("it wrote \(written), and counts as \(facts.effects.effects)")
    }
    let schema: StatementEffects = [.ddl, .privilege, .maintenance, .program, .session]
    for name in written where name.hasPrefix("public.") || name.hasPrefix("app.") {
      if facts.effects.isDisjoint(with: schema), !facts.effects.contains(.write) {
        complaints.append("it wrote \(name) without the effect")
      }
      if facts.effects.isDisjoint(with: schema.subtracting(.program)),
        !isNamed(name, as: [.write]), !isReachedUnseen(name)
      {
        complaints.append("it wrote \(name), which is not told as written")
      }
    }
    let catalogues = written.filter { $0.hasPrefix("pg_catalog.") }
    let changing = schema.union(.write)
    if !catalogues.isEmpty, facts.effects.isDisjoint(with: changing) {
      complaints.append("it wrote \(catalogues)")
    }
    let rights: Set = [
      "pg_catalog.pg_authid", "pg_catalog.pg_auth_members", "pg_catalog.pg_db_role_setting",
      "pg_catalog.pg_default_acl", "pg_catalog.pg_policy", "pg_catalog.pg_seclabel",
    ]
    if !rights.isDisjoint(with: catalogues), facts.effects.isDisjoint(with: [.privilege, .ddl]) {
      complaints.append("it changed who may do what")
    }
    return complaints
  }

  /// What triggers and rules write stands in no text; the statement counts as writing all the same.
  private func isReachedUnseen(_ name: String) -> Bool {
    name == "public.audit_log" || example.name.hasSuffix(": rule")
      // What was prepared was told when it was.
      || facts.commands.contains("COMMIT PREPARED")
  }

  private func lockComplaints() -> [String] {
    guard !isUnknown else { return [] }
    var complaints: [String] = []
    let takesLocks = facts.effects.subtracting([.read, .transaction, .setting])
    let isExplained = facts.commands.first == "EXPLAIN"
    for lock in seen.locks ?? [] {
      let (name, mode, kind, isSystem) = (lock[0], lock[1], lock[2], lock[3] == "t")
      if name == "advisory" {
        if !facts.effects.contains(.lock) { complaints.append("it took an advisory lock") }
        continue
      }
      if isSystem || !"rvmpf".contains(kind) || kind.isEmpty || !name.contains(".") { continue }
      if name.hasPrefix("pg_toast") || name.hasPrefix("pg_catalog") { continue }
      let isSchema = !facts.effects.isDisjoint(with: [.ddl, .privilege, .maintenance])
      if !isSchema, !isNamed(name, as: [.read, .write, .other]), !isReachedUnseen(name) {
        complaints.append("it touched \(name), which is not told")
      }
      if mode != "AccessShareLock", takesLocks.isEmpty, !isExplained {
        complaints.append("it locked \(name) in \(mode)")
      }
    }
    return complaints
  }

  private func settingComplaints() -> [String] {
    guard !isUnknown else { return [] }
    let protected: Set = [
      "role", "session_authorization", "default_transaction_read_only", "transaction_read_only",
      "session_replication_role", "standard_conforming_strings", "client_encoding",
    ]
    return (seen.settings ?? []).flatMap { name -> [String] in
      // What a role brings along, and what shows another.
      let follows: Set = ["is_superuser", "server_encoding", "transaction_isolation"]
      if follows.contains(name) { return [] }
      var complaints: [String] = []
      // To make transactions read-only takes rights away.
      let isReadOnly =
        name.hasSuffix("transaction_read_only") && facts.settings.contains(name)
        && seen.values?[name] == "on"
      if protected.contains(name), !facts.effects.contains(.session), !isReadOnly {
        complaints.append("it changed \(name) without the effect")
      }
      if !facts.settings.contains(name.lowercased()), !facts.settings.contains("*"),
        !protected.contains(name)
      {
        complaints.append("it changed \(name), which is not told")
      }
      return complaints
    }
  }

  private func tagComplaints() -> [String] {
    guard facts.opacity != .unparseable else { return [] }
    let told = Set(facts.commands.map { $0.prefix { $0 != " " } })
    return seen.tags.compactMap { tag in
      let word = tag.prefix { $0 != " " }
      let isToldOtherwise =
        word == "SELECT" && !told.isDisjoint(with: ["CREATE", "EXPLAIN", "EXECUTE", "FETCH"])
        || !told.isDisjoint(with: ["EXECUTE", "COPY"])
      return told.contains(word) || isToldOtherwise ? nil : "the server says \(tag)"
    }
  }

  private func fileComplaints() -> [String] {
    seen.files.isEmpty || isUnknown || facts.effects.contains(.program)
      ? [] : ["it made the files \(seen.files)"]
  }
}
