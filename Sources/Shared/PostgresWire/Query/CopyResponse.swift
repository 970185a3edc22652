import NIOCore

extension BackendMessage {
  /// COPY begins: CopyInResponse, CopyOutResponse and CopyBothResponse have this one form.
  ///
  /// Layout: `Int8` overall format, `Int16` count, that many `Int16` column formats.
  package struct CopyResponse: Hashable, Sendable {
    /// 0 for text, 1 for binary.
    package let overallFormat: Int8
    package let columnFormats: [FormatCode]

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "CopyResponse")
      overallFormat = try reader.integer(Int8.self)
      columnFormats = try reader.formats()
      try reader.end()
    }
  }
}
