package import APIModel
internal import GatewayModel
internal import PolicyDocuments
internal import PolicyEngine

// Policies come as files and are put in force whole.
extension PolicyService {
  /// Puts policies in force, or says what that would do.
  ///
  /// - Throws: `invalid` with diagnostics for files that cannot be used; `conflict` when documents
  ///   would go and that was not asked for, or another version is in force than was meant.
  package func apply(
    _ application: PolicyApplication, by caller: Caller
  ) async throws(ControlError) -> PolicyOutcome {
    try Self.check(application.comment)
    let reading = try Self.read(application.documents)
    let now = surroundings.now()
    var act = Act(
      action: .applyPolicy, subject: "policies", caller: caller, comment: application.comment)
    act.isTrial = application.dryRun ?? false
    // Before the change, which nobody else can make one beside: a lint takes its time.
    let connections = try await connections.connections().map(\.connection)
    let warnings = try Self.lint(reading, connections)
    let documents = Self.documents(reading, application.documents, at: now)
    let change = try await self.change(act) { base throws(ControlError) in
      try base.expect(application.baseVersion)
      if !(application.prune ?? false) { try Self.refuseRemoval(from: base, to: documents) }
      return documents
    }
    return try outcome(change, warnings)
  }

  /// Puts the content of an earlier version in force once more, as a new version.
  ///
  /// - Throws: `notFound`; `conflict` when another version is in force than was meant.
  package func rollBack(
    _ rollback: PolicyRollback, by caller: Caller
  ) async throws(ControlError) -> PolicyOutcome {
    try Self.check(rollback.comment)
    let earlier = try await found(rollback.version)
    // What this program cannot read it would not put into bundles.
    _ = try earlier.documents.documents()
    let act = Act(
      action: .rollBackPolicy, subject: "policies", caller: caller, comment: rollback.comment,
      rolledBackTo: earlier.head.number,
      particulars: ["to": .number(Int(clamping: earlier.head.number))])
    let change = try await self.change(act) { base throws(ControlError) in
      try base.expect(rollback.baseVersion)
      return earlier.documents
    }
    return try outcome(change, [])
  }

  private func outcome(
    _ change: Change, _ warnings: [PolicyDiagnostic]
  ) throws(ControlError) -> PolicyOutcome {
    let difference = PolicyDifference(
      from: try change.before.documents(), to: try change.after.documents())
    return PolicyOutcome(
      version: Int(clamping: change.version), isNew: change.isNew,
      difference: PolicyChanges(difference), diagnostics: warnings)
  }

  private static func check(_ comment: String?) throws(ControlError) {
    guard let comment else { return }
    try Check.label(comment, field: "comment", maximumBytes: PolicyLimits.commentBytes)
  }

  private static func read(_ files: [PolicyFile]) throws(ControlError) -> PolicyReading {
    guard files.count <= PolicyLimits.documents else {
      throw ControlError(
        .invalid, "documents: there are \(files.count) files, more than \(PolicyLimits.documents).",
        remedy: "Join them: a file may have several documents.")
    }
    var paths: Set<String> = []
    for file in files {
      try Check.label(file.path, field: "path", maximumBytes: 1024)
      // A document's text is found by the path of its file.
      guard paths.insert(file.path).inserted else {
        throw Check.invalid("path", file.path, "Give each file once, each under its own path.")
      }
    }
    let reading = PolicyReading(files.map { SourceFile(path: $0.path, text: $0.text) })
    guard reading.isUsable else { throw refusal(reading.diagnostics) }
    guard reading.documents.count <= PolicyLimits.documents else {
      throw ControlError(
        .invalid,
        "The files have \(reading.documents.count) documents, more than \(PolicyLimits.documents).",
        remedy: "Join documents that are about the same connections.")
    }
    return reading
  }

  /// - Returns: Warnings.
  private static func lint(
    _ reading: PolicyReading, _ connections: [Connection]
  ) throws(ControlError) -> [PolicyDiagnostic] {
    let connections = connections.map {
      PolicyLint.KnownConnection(name: $0.name, labels: $0.labels)
    }
    let found =
      reading.diagnostics
      + PolicyLint(reading.documents, connections: connections).diagnostics()
    guard !found.contains(where: { $0.severity == .error }) else { throw refusal(found) }
    return found.map(PolicyDiagnostic.init)
  }

  private static func refusal(_ diagnostics: [Diagnostic]) -> ControlError {
    let errors = diagnostics.filter { $0.severity == .error }
    let first = errors.first.map { " The first: \($0.description)." } ?? ""
    return ControlError(
      .invalid, "The policies have \(errors.count) errors and were not applied.\(first)",
      remedy: "Mend the files; `sallyport policy lint` checks them without applying.",
      diagnostics: diagnostics.prefix(200).map(PolicyDiagnostic.init))
  }

  private static func refuseRemoval(
    from base: PolicyBase, to documents: [StoredPolicy]
  ) throws(ControlError) {
    let removed = NamesOfChange(from: base.documents, to: documents).removed
    guard !removed.isEmpty else { return }
    let told = removed.prefix(10).map { "\"\($0)\"" }.joined(separator: ", ")
    let rest = removed.count > 10 ? " and \(removed.count - 10) more" : ""
    throw ControlError(
      .conflict,
      "Policies are applied whole, and \(removed.count) in force are not in the files: "
        + "\(told)\(rest).",
      remedy: """
        Remove them with --prune, or keep them: `sallyport policy show NAME` prints one as a file.
        """)
  }

  private static func documents(
    _ reading: PolicyReading, _ files: [PolicyFile], at time: WallTime
  ) -> [StoredPolicy] {
    let texts = Dictionary(
      files.map { ($0.path, DocumentTexts($0.text)) }, uniquingKeysWith: { first, _ in first })
    return reading.documents.map { policy in
      let text = texts[policy.place.file]?.text(atLine: policy.place.line) ?? ""
      return StoredPolicy(policy.document, text: text, createdAt: time)
    }
  }
}

extension PolicyBase {
  /// - Throws: `conflict` when another version is in force than somebody began with.
  func expect(_ version: Int?) throws(ControlError) {
    let current = Int(clamping: self.current?.head.number ?? 0)
    guard let version, version != current else { return }
    throw ControlError(
      .conflict, "The version in force is \(current), not \(version): somebody has changed it.",
      remedy: "See `sallyport policy diff --from \(version) --to \(current)`, and apply again.")
  }
}

/// The documents of a YAML text, as they are written.
///
/// A line that begins with `---` and a space or its end begins a document wherever it stands (YAML
/// 1.2.2 section 9.1.2).
struct DocumentTexts {
  private var parts: [(line: Int, lines: [Substring])] = [(1, [])]

  init(_ text: String) {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      if line.hasPrefix("---"), line.dropFirst(3).first?.isWhitespace ?? true {
        parts.append((index + 1, [line.dropFirst(3).drop(while: \.isWhitespace)]))
      } else if line.hasPrefix("..."), line.dropFirst(3).allSatisfy(\.isWhitespace) {
        continue
      } else {
        parts[parts.count - 1].lines.append(line)
      }
    }
  }

  /// The document that a line stands in, with a line feed at its end.
  func text(atLine line: Int) -> String {
    var lines = (parts.last { $0.line <= line }?.lines ?? [])[...]
    while lines.first?.allSatisfy(\.isWhitespace) == true { lines.removeFirst() }
    while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension PolicyDiagnostic {
  init(_ diagnostic: Diagnostic) {
    self.init(
      severity: diagnostic.severity.rawValue, file: diagnostic.place.file,
      line: diagnostic.place.line, column: diagnostic.place.column, message: diagnostic.message,
      remedy: diagnostic.remedy)
  }
}

extension PolicyChanges {
  init(_ difference: PolicyDifference) {
    self.init(
      items: difference.items.map { item in
        Item(
          change: item.change.rawValue, part: item.part.rawValue, policy: item.policy,
          name: item.name,
          keys: item.keys.map { Key(name: $0.name, from: $0.from, to: $0.to) })
      })
  }
}
