package import PolicyEngine

/// What files of policies say, and what is wrong with them.
package struct PolicyReading: Sendable {
  /// In the order of the files; whole where there are no errors.
  package var documents: [LocatedPolicy]
  package var diagnostics: [Diagnostic]

  /// Whether the documents can be used.
  package var isUsable: Bool { !diagnostics.contains { $0.severity == .error } }

  /// Reads every document of some files.
  ///
  /// A path that two files have is an error: places and the texts of policies are found by it.
  package init(_ files: [SourceFile]) {
    documents = []
    diagnostics = []
    var paths: Set<String> = []
    for file in files {
      guard paths.insert(file.path).inserted else {
        diagnostics.append(
          Diagnostic(
            .error, SourcePlace(file: file.path, line: 1, column: 1),
            "two files are called \"\(file.path)\"",
            remedy: "name each file once, and give each its own path"))
        continue
      }
      do throws(YAMLRefusal) {
        for node in try YAMLEvents.documents(of: file) {
          let reading = NodeReading()
          if let policy = reading.policy(node) { documents.append(policy) }
          diagnostics += reading.diagnostics
        }
      } catch {
        diagnostics.append(error.diagnostic)
      }
    }
    var first: [String: SourcePlace] = [:]
    for policy in documents {
      if let place = first[policy.document.name] {
        diagnostics.append(
          Diagnostic(
            .error, policy.place, "the policy \"\(policy.document.name)\" stands twice",
            remedy: "rename one; the first is at \(place)"))
      } else {
        first[policy.document.name] = policy.place
      }
    }
  }
}

/// A policy and where its parts stand.
package struct LocatedPolicy: Sendable {
  package var document: PolicyDocument
  /// Of its name.
  package var place: SourcePlace
  /// Of its `on`; its own place where it has none.
  package var scope: SourcePlace
  /// Of the names of its grants, in their order.
  package var grants: [SourcePlace]
  /// Of the names of its rules, in their order.
  package var rules: [SourcePlace]
}
