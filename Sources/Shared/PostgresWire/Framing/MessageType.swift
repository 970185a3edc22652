/// The type byte of a message in one direction.
package protocol MessageType: RawRepresentable, Hashable, Sendable where RawValue == UInt8 {
  /// The sender of these messages, as error texts name it.
  static var sender: String { get }
}

/// What a client sends after its startup packet (PostgreSQL documentation, "Message Formats").
package enum FrontendMessageType: UInt8, MessageType, CaseIterable {
  case bind = 0x42  // B
  case close = 0x43  // C
  case copyData = 0x64  // d
  case copyDone = 0x63  // c
  case copyFail = 0x66  // f
  case describe = 0x44  // D
  case execute = 0x45  // E
  case flush = 0x48  // H
  case functionCall = 0x46  // F
  case parse = 0x50  // P
  /// PasswordMessage, SASLInitialResponse, SASLResponse and GSSResponse share this byte; what was
  /// asked before tells them apart.
  case password = 0x70  // p
  case query = 0x51  // Q
  case sync = 0x53  // S
  case terminate = 0x58  // X

  package static var sender: String { "client" }

  /// The longest body the server itself takes for this type, in bytes.
  ///
  /// The server ends a connection that announces more (`PQ_SMALL_MESSAGE_LIMIT` and
  /// `PQ_LARGE_MESSAGE_LIMIT` in its source).
  @inlinable
  package var serverLimit: Int {
    switch self {
    case .bind, .copyData, .functionCall, .parse, .query: MessageLimit.large
    case .close, .copyDone, .copyFail, .describe, .execute, .flush, .sync, .terminate:
      MessageLimit.small
    case .password: MessageLimit.authentication
    }
  }
}

/// What a server sends (PostgreSQL documentation, "Message Formats").
package enum BackendMessageType: UInt8, MessageType, CaseIterable {
  case authentication = 0x52  // R
  case backendKeyData = 0x4B  // K
  case bindComplete = 0x32  // 2
  case closeComplete = 0x33  // 3
  case commandComplete = 0x43  // C
  case copyBothResponse = 0x57  // W
  case copyData = 0x64  // d
  case copyDone = 0x63  // c
  case copyInResponse = 0x47  // G
  case copyOutResponse = 0x48  // H
  case dataRow = 0x44  // D
  case emptyQueryResponse = 0x49  // I
  case errorResponse = 0x45  // E
  case functionCallResponse = 0x56  // V
  case negotiateProtocolVersion = 0x76  // v
  case noData = 0x6E  // n
  case noticeResponse = 0x4E  // N
  case notificationResponse = 0x41  // A
  case parameterDescription = 0x74  // t
  case parameterStatus = 0x53  // S
  case parseComplete = 0x31  // 1
  case portalSuspended = 0x73  // s
  case readyForQuery = 0x5A  // Z
  case rowDescription = 0x54  // T

  package static var sender: String { "server" }
}

/// Limits on the body of a message, in bytes.
package enum MessageLimit {
  /// The server's limit for messages without bulk data.
  package static let small = 10_000 - 4
  /// The server's limit for messages with bulk data: one byte less than its largest allocation.
  package static let large = 0x3FFF_FFFE - 4
  /// The server's limit for one message of an authentication exchange.
  package static let authentication = 65_535
}
