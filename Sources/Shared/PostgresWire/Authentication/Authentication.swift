import NIOCore

extension BackendMessage {
  /// What the server wants next of a client that logs in.
  ///
  /// Layout: `Int32` kind, then what the kind has.
  package enum Authentication: Hashable, Sendable {
    case ok
    case kerberosV5
    case cleartextPassword
    /// Four bytes of salt.
    case md5Password(salt: [UInt8])
    case scmCredential
    case gss
    case gssContinue(ByteBuffer)
    case sspi
    /// The names of the mechanisms, the server's favourite first.
    case sasl(mechanisms: [String])
    case saslContinue(ByteBuffer)
    case saslFinal(ByteBuffer)
    case unknown(Int32)

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "Authentication")
      let kind = try reader.integer(Int32.self)
      switch kind {
      case 0: self = .ok
      case 2: self = .kerberosV5
      case 3: self = .cleartextPassword
      case 5: self = .md5Password(salt: Array(try reader.bytes(4).readableBytesView))
      case 6: self = .scmCredential
      case 7: self = .gss
      case 8: self = .gssContinue(reader.rest())
      case 9: self = .sspi
      case 10: self = .sasl(mechanisms: try Self.mechanisms(&reader))
      case 11: self = .saslContinue(reader.rest())
      case 12: self = .saslFinal(reader.rest())
      default:
        self = .unknown(kind)
        _ = reader.rest()
      }
      try reader.end()
    }

    /// Zero-terminated names, ended by an empty one.
    private static func mechanisms(_ reader: inout BodyReader) throws(WireError) -> [String] {
      var names: [String] = []
      while true {
        let name = try reader.string()
        if name.isEmpty { return names }
        names.append(name)
      }
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.authentication) { buffer in
        buffer.writeInteger(kind)
        switch self {
        case .md5Password(let salt): buffer.writeBytes(salt)
        case .gssContinue(let data), .saslContinue(let data), .saslFinal(let data):
          buffer.writeImmutableBuffer(data)
        case .sasl(let mechanisms):
          for name in mechanisms { buffer.writeZeroTerminated(name) }
          buffer.writeInteger(UInt8(0))
        case .ok, .kerberosV5, .cleartextPassword, .scmCredential, .gss, .sspi, .unknown: break
        }
      }
    }

    private var kind: Int32 {
      switch self {
      case .ok: 0
      case .kerberosV5: 2
      case .cleartextPassword: 3
      case .md5Password: 5
      case .scmCredential: 6
      case .gss: 7
      case .gssContinue: 8
      case .sspi: 9
      case .sasl: 10
      case .saslContinue: 11
      case .saslFinal: 12
      case .unknown(let kind): kind
      }
    }
  }
}
