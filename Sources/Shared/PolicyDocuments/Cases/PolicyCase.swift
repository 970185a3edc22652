package import PolicyEngine

/// A request, perhaps with a statement, and what policy has to say to it.
package struct PolicyCase: Sendable {
  package enum Verdict: String, Hashable, Sendable, Codable, CaseIterable {
    case allow, deny, hold
    /// The session does not begin.
    case entryDenied = "entry-denied"
  }

  package struct Expectation: Hashable, Sendable {
    package var verdict: Verdict
    /// `policy/name`; `none` when no grant covers the statement; `nil` for any.
    package var rule: String?
    /// `policy/rule` of the masks, in order; `nil` for any.
    package var masks: [String]?
    package var maximumRows: Int?
    /// `policy/rule` of what only observes, in order; `nil` for any.
    package var observed: [String]?
  }

  package var name: String
  package var place: SourcePlace
  package var request: EntryRequest
  /// `nil` to judge the entry alone.
  package var sql: String?
  package var expected: Expectation
}

/// The cases of some files, and what is wrong with the files.
package struct PolicyCases: Sendable {
  package var cases: [PolicyCase]
  package var diagnostics: [Diagnostic]

  package init(_ files: [SourceFile]) {
    cases = []
    diagnostics = []
    for file in files {
      let reading = NodeReading()
      do throws(YAMLRefusal) {
        for node in try YAMLEvents.documents(of: file) { cases += reading.cases(node) }
        diagnostics += reading.diagnostics
      } catch {
        diagnostics.append(error.diagnostic)
      }
    }
  }
}
