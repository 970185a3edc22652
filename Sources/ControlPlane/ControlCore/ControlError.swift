package import APIModel

/// Why an act of the control plane failed, in words for the person who asked for it.
///
/// The transports map ``code`` to a status and send the rest as it is, so nothing secret may
/// stand in a message.
package struct ControlError: Error, Sendable, Equatable {
  package enum Code: String, Sendable, CaseIterable {
    case notFound = "not_found"
    case invalid
    case conflict
    case unauthorized
    case forbidden
    /// A part the act needs is away; asking again later can help.
    case unavailable
    case `internal`
  }

  package var code: Code
  /// What failed, with the value that was wrong.
  package var message: String
  /// What to do about it.
  package var remedy: String?
  /// What is wrong with policies, each with its place.
  package var diagnostics: [PolicyDiagnostic]
  /// Whether an agent was refused because an administrator has removed it.
  package var isRemoval = false

  package init(
    _ code: Code, _ message: String, remedy: String? = nil, diagnostics: [PolicyDiagnostic] = []
  ) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.diagnostics = diagnostics
  }

  /// The form the HTTPS API answers with.
  package var body: APIErrorBody {
    APIErrorBody(
      code: isRemoval ? APIErrorBody.removed : code.rawValue, message: message, remedy: remedy,
      diagnostics: diagnostics.isEmpty ? nil : diagnostics)
  }
}

extension ControlError: CustomStringConvertible {
  package var description: String {
    remedy.map { "\(message) \($0)" } ?? message
  }
}
