internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// Messages that must fail at the server, sent in place of what is refused.
///
/// So the server itself skips, aborts and rolls back by its own rules, and both sides stay in
/// step. Each carries a token that nobody else knows; the error that names it is shown to the
/// client as the refusal.
struct Poison: Sendable {
  /// `sallyport:` and 32 hexadecimal digits, without the statement.
  private let prefix: String
  private let digits: String

  init(nonce: Identifier128) {
    digits = nonce.description.filter { $0 != "-" }
    prefix = "sallyport:" + digits
  }

  /// At most 59 bytes: the server cuts a name at 63.
  private func token(_ statement: StatementID) -> String {
    prefix + ":" + String(statement.rawValue, radix: 16)
  }

  /// Fails with 42703, or 25P02 in a failed transaction.
  func parse(_ statement: StatementID, isUnnamed: Bool) -> ByteBuffer {
    var bytes = ByteBuffer()
    let name = WireName(isUnnamed ? "" : token(statement))
    FrontendMessage.Parse(
      name: name, sql: ByteBuffer(string: "SELECT \"\(token(statement))\"")
    ).encode(into: &bytes)
    return bytes
  }

  /// Fails with 26000: no statement has this name.
  func bind(_ statement: StatementID) -> ByteBuffer {
    var bytes = ByteBuffer()
    FrontendMessage.Bind(statement: WireName(token(statement))).encode(into: &bytes)
    return bytes
  }

  /// Fails with 34000: no portal has this name.
  func execute(_ statement: StatementID) -> ByteBuffer {
    var bytes = ByteBuffer()
    FrontendMessage.Execute(portal: WireName(token(statement))).encode(into: &bytes)
    return bytes
  }

  /// Raises the refusal's own SQLSTATE and message, so that the server's log has them too; the
  /// token stands in the constraint's name.
  func query(_ statement: StatementID, _ refusal: StatementRefusal) -> ByteBuffer {
    let tag = "$m\(digits)$"
    let body = "$b\(digits)$"
    let text = refusal.message.split(separator: "$").joined(separator: " ")
    let code = refusal.sqlstate.filter { $0.isASCII && ($0.isNumber || $0.isUppercase) }
    let sql =
      "DO \(body)BEGIN RAISE EXCEPTION USING ERRCODE = '\(code)', MESSAGE = \(tag)\(text)\(tag), "
      + "CONSTRAINT = '\(token(statement))'; END\(body)"
    var bytes = ByteBuffer()
    FrontendMessage.Query(sql: sql).encode(into: &bytes)
    return bytes
  }

  /// Whether an ErrorResponse's body names the token of this statement.
  func isNamed(in body: ByteBuffer, _ statement: StatementID) -> Bool {
    let token = Array(token(statement).utf8)
    return body.withUnsafeReadableBytes { bytes in
      guard bytes.count >= token.count else { return false }
      return (0...bytes.count - token.count).contains { offset in
        bytes[offset..<offset + token.count].elementsEqual(token)
      }
    }
  }
}
