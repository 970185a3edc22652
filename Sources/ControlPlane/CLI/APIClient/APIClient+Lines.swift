import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat

extension APIClient {
  /// The longest line that is read: the largest record in base64, and what stands around it.
  static var maximumLineBytes: Int { 96 << 20 }

  /// Reads an answer of lines as it comes, each without its line feed.
  ///
  /// The last line is given even when no line feed ends it: it is for the caller to see that an
  /// answer was cut off.
  func lines(
    _ base: String, query: [(String, String)], _ take: (Data) async throws -> Void
  ) async throws {
    var rest = ByteBuffer()
    try await stream(base, query: query) { part in
      rest.writeImmutableBuffer(part)
      while let end = rest.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
        let count = end - rest.readerIndex
        try await take(rest.readData(length: count) ?? Data())
        rest.moveReaderIndex(forwardBy: 1)
      }
      rest.discardReadBytes()
      guard rest.readableBytes <= Self.maximumLineBytes else {
        throw CLIFailure(
          .failed, "\(server.text) sent a line of more than \(Self.maximumLineBytes) bytes",
          remedy: "check that the address is a Sallyport control plane")
      }
    }
    if rest.readableBytes > 0 { try await take(Data(buffer: rest)) }
  }
}
