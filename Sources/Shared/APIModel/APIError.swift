/// The body of every answer that is not 2xx.
package struct APIErrorBody: Codable, Sendable, Equatable {
  /// The code that tells an agent that an administrator has removed it: it ends its clients'
  /// sessions.
  package static let removed = "removed"

  /// For machines: `not_found`, `invalid`, `conflict`, `unauthorized`, `forbidden`, `unavailable`,
  /// `internal`; ``removed``.
  package var code: String
  /// What failed, with the value that was wrong.
  package var message: String
  /// What to do about it.
  package var remedy: String?
  /// What is wrong with policies, each with its place; absent otherwise.
  package var diagnostics: [PolicyDiagnostic]?

  package init(
    code: String, message: String, remedy: String? = nil, diagnostics: [PolicyDiagnostic]? = nil
  ) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.diagnostics = diagnostics
  }
}

/// A page of a listing, newest first unless the resource says otherwise.
package struct Page<Item: Codable & Sendable>: Codable, Sendable {
  package var items: [Item]
  /// Give this as `cursor` for the next page; absent on the last one.
  package var nextCursor: String?

  package init(items: [Item], nextCursor: String? = nil) {
    self.items = items
    self.nextCursor = nextCursor
  }
}
