internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// The parameters of a Bind, or the arguments of a FunctionCall, for the record.
enum BoundParameters {
  /// The most that one of them may take.
  private static let maximumTextBytes = 1 << 20

  /// The values in storage of their own, which is one for all, so that a portal does not keep a
  /// whole chunk of the wire alive. Binary values of known types are decoded while those of one
  /// message stay within `effort` (``SessionLimits/maximumDecodedBytes``,
  /// ``ParameterText/decode(oid:format:bytes:limit:effort:)``); what comes after is kept as it came.
  static func read(
    _ message: FrontendMessage.Bind, types: [UInt32], effort: Int
  ) -> [StatementParameter] {
    read(message.parameters, types: types, effort: effort, format: message.format(ofParameter:))
  }

  /// The function's types are not known, so binary arguments are kept as they came.
  static func read(_ call: FrontendMessage.FunctionCall) -> [StatementParameter] {
    read(call.arguments, types: [], effort: 0, format: call.format(ofArgument:))
  }

  private static func read(
    _ values: [ByteBuffer?], types: [UInt32], effort: Int, format: (Int) -> FormatCode?
  ) -> [StatementParameter] {
    guard !values.isEmpty else { return [] }
    var store = ByteBuffer()
    store.reserveCapacity(values.reduce(0) { $0 + ($1?.readableBytes ?? 0) })
    // All is written before the first slice is taken: a write to shared storage copies it.
    for case let value? in values { store.writeImmutableBuffer(value) }
    var parameters: [StatementParameter] = []
    parameters.reserveCapacity(values.count)
    var effort = effort
    for (index, value) in values.enumerated() {
      let oid = types.indices.contains(index) ? types[index] : 0
      let kept = value.flatMap { store.readSlice(length: $0.readableBytes) }
      let format = format(index)
      parameters.append(StatementParameter(typeOID: oid, value: decode(kept, format, oid, &effort)))
    }
    return parameters
  }

  private static func decode(
    _ value: ByteBuffer?, _ format: FormatCode?, _ oid: UInt32, _ effort: inout Int
  ) -> StatementParameter.Value {
    guard let value else { return .null }
    if format == .text { return .text(value) }
    guard oid != 0, format == .binary,
      let text = ParameterText.decode(
        oid: oid, format: .binary, bytes: value, limit: maximumTextBytes, effort: &effort)
    else { return .binary(value) }
    return .text(ByteBuffer(string: text))
  }
}
