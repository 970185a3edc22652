internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// The parameters of a Bind, for the record.
enum BoundParameters {
  /// The most that the decoded texts of one Bind may take.
  static let maximumDecodedBytes = SizeLimits.decodedBytes
  /// The most that one of them may take.
  private static let maximumTextBytes = 1 << 20

  /// The values in storage of their own, which is one for all, so that a portal does not keep a
  /// whole chunk of the wire alive. Binary values of known types are decoded while the texts of
  /// one message stay within ``maximumDecodedBytes``; what comes after is kept as it came.
  static func read(_ message: FrontendMessage.Bind, types: [UInt32]) -> [StatementParameter] {
    guard !message.parameters.isEmpty else { return [] }
    var store = ByteBuffer()
    store.reserveCapacity(message.parameters.reduce(0) { $0 + ($1?.readableBytes ?? 0) })
    // All is written before the first slice is taken: a write to shared storage copies it.
    for case let value? in message.parameters { store.writeImmutableBuffer(value) }
    var parameters: [StatementParameter] = []
    parameters.reserveCapacity(message.parameters.count)
    var room = maximumDecodedBytes
    for (index, value) in message.parameters.enumerated() {
      let oid = types.indices.contains(index) ? types[index] : 0
      let kept = value.flatMap { store.readSlice(length: $0.readableBytes) }
      let format = message.format(ofParameter: index)
      parameters.append(StatementParameter(typeOID: oid, value: decode(kept, format, oid, &room)))
    }
    return parameters
  }

  private static func decode(
    _ value: ByteBuffer?, _ format: FormatCode?, _ oid: UInt32, _ room: inout Int
  ) -> StatementParameter.Value {
    guard let value else { return .null }
    if format == .text { return .text(value) }
    guard oid != 0, format == .binary, room > 0,
      let text = ParameterText.decode(
        oid: oid, format: .binary, bytes: value, limit: min(room, maximumTextBytes))
    else { return .binary(value) }
    room -= text.utf8.count
    return .text(ByteBuffer(string: text))
  }
}
