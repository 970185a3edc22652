/// What a client proves its right to cancel with: the backend's process id and a secret.
package struct CancelKey: Hashable, Sendable {
  package let processID: Int32
  /// 4 to 256 bytes; exactly 4 in protocol 3.0.
  package let secret: SensitiveBytes

  package static let secretLength = 4...256

  package init(processID: Int32, secret: some Sequence<UInt8>) {
    self.processID = processID
    self.secret = SensitiveBytes(secret)
  }

  init(reading reader: inout BodyReader) throws(WireError) {
    let processID = try reader.integer(Int32.self)
    guard Self.secretLength.contains(reader.remaining) else {
      throw reader.invalid("its secret has \(reader.remaining) bytes; it must have 4 to 256")
    }
    self.init(processID: processID, secret: reader.rest().readableBytesView)
  }
}
