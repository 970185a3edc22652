/// A file of policies: one YAML document or several.
package struct PolicyFile: Codable, Sendable, Equatable {
  /// As people know it: diagnostics tell it, and nobody opens it.
  package var path: String
  package var text: String
  package init(path: String, text: String) {
    self.path = path
    self.text = text
  }
}

/// Policies to put in force, whole: what is in force and not among them goes.
package struct PolicyApplication: Codable, Sendable, Equatable {
  /// Files of documents, in the order in which grants are looked at.
  package var documents: [PolicyFile]
  /// Check and compare alone; absent means no.
  package var dryRun: Bool?
  /// Remove documents that are in force and not among these; absent means to refuse.
  package var prune: Bool?
  /// Why, for the history.
  package var comment: String?
  /// The version that these were made from: refused when another is in force. 0 is none.
  package var baseVersion: Int?

  package init(
    documents: [PolicyFile], dryRun: Bool? = nil, prune: Bool? = nil, comment: String? = nil,
    baseVersion: Int? = nil
  ) {
    self.documents = documents
    self.dryRun = dryRun
    self.prune = prune
    self.comment = comment
    self.baseVersion = baseVersion
  }
}

/// An earlier version to put in force once more.
package struct PolicyRollback: Codable, Sendable, Equatable {
  package var version: Int
  package var comment: String?
  package var baseVersion: Int?

  package init(version: Int, comment: String? = nil, baseVersion: Int? = nil) {
    self.version = version
    self.comment = comment
    self.baseVersion = baseVersion
  }
}

/// What an application or a rollback did, or would do.
package struct PolicyOutcome: Codable, Sendable, Equatable {
  /// The version in force now; 0 for none.
  package var version: Int
  /// Whether it was made by this.
  package var isNew: Bool
  package var difference: PolicyChanges
  /// Warnings.
  package var diagnostics: [PolicyDiagnostic]

  package init(
    version: Int, isNew: Bool, difference: PolicyChanges, diagnostics: [PolicyDiagnostic]
  ) {
    self.version = version
    self.isNew = isNew
    self.difference = difference
    self.diagnostics = diagnostics
  }
}

/// What changes between two versions.
package struct PolicyChanges: Codable, Sendable, Equatable {
  package struct Item: Codable, Sendable, Equatable {
    /// `added`, `removed`, `changed` or `moved`.
    package var change: String
    /// `policy`, `grant` or `rule`.
    package var part: String
    package var policy: String
    /// Of the grant or rule; empty for a policy.
    package var name: String
    package var keys: [Key]

    package init(change: String, part: String, policy: String, name: String, keys: [Key]) {
      self.change = change
      self.part = part
      self.policy = policy
      self.name = name
      self.keys = keys
    }
  }

  /// A key whose value changes; absent where there is none.
  package struct Key: Codable, Sendable, Equatable {
    package var name: String
    package var from: String?
    package var to: String?

    package init(name: String, from: String?, to: String?) {
      self.name = name
      self.from = from
      self.to = to
    }
  }

  package var items: [Item]

  package init(items: [Item]) { self.items = items }
}

/// Something that is wrong with a file, where, and what to do.
package struct PolicyDiagnostic: Codable, Sendable, Equatable {
  /// `error` or `warning`.
  package var severity: String
  package var file: String
  /// From 1.
  package var line: Int
  /// From 1.
  package var column: Int
  package var message: String
  package var remedy: String

  package init(
    severity: String, file: String, line: Int, column: Int, message: String, remedy: String
  ) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
    self.remedy = remedy
  }
}

/// A version of the policies.
package struct PolicyVersionInfo: Codable, Sendable, Equatable {
  /// From 1 without gaps.
  package var version: Int
  package var createdAt: String
  /// The name of the API token of who made it.
  package var createdBy: String
  package var comment: String?
  /// The version whose content this is once more.
  package var rolledBackTo: Int?
  /// SHA-256 of the texts in their order with a line `---` between them, hexadecimal.
  package var digest: String
  /// How many documents it has.
  package var documents: Int

  package init(
    version: Int, createdAt: String, createdBy: String, comment: String?, rolledBackTo: Int?,
    digest: String, documents: Int
  ) {
    self.version = version
    self.createdAt = createdAt
    self.createdBy = createdBy
    self.comment = comment
    self.rolledBackTo = rolledBackTo
    self.digest = digest
    self.documents = documents
  }
}

/// The documents of a version.
package struct PolicyContent: Codable, Sendable, Equatable {
  package struct Document: Codable, Sendable, Equatable {
    package var name: String
    /// YAML, as it was applied.
    package var text: String
    /// Since when there is a document of this name.
    package var createdAt: String
    package init(name: String, text: String, createdAt: String) {
      self.name = name
      self.text = text
      self.createdAt = createdAt
    }
  }

  /// Absent while nothing was applied.
  package var version: PolicyVersionInfo?
  /// In their order.
  package var documents: [Document]

  package init(version: PolicyVersionInfo?, documents: [Document]) {
    self.version = version
    self.documents = documents
  }
}
