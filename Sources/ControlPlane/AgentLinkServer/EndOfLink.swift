import GRPCCore

/// Why a link ended, in words for the log.
enum EndOfLink {
  /// How much of what an error says of itself is worth a line.
  private static let maximumCharacters = 500

  /// Never blank, whatever the error.
  static func reason(_ result: Result<Void, any Error>) -> String {
    switch result {
    case .success: "closed by the agent"
    case .failure(let error): reason(error)
    }
  }

  private static func reason(_ error: any Error) -> String {
    guard !(error is CancellationError) else { return "the connection ended" }
    guard let error = error as? RPCError else { return clipped("\(error)", or: "unknown error") }
    // The transport wraps what it does not know into an error without a message, and joins the
    // messages of two such wrappings with a space.
    guard error.message.allSatisfy(\.isWhitespace) else {
      return clipped(error.message, or: "\(error.code)")
    }
    return error.cause.map(reason) ?? "\(error.code)"
  }

  private static func clipped(_ text: String, or other: String) -> String {
    text.allSatisfy(\.isWhitespace) ? other : String(text.prefix(maximumCharacters))
  }
}
