import NIOCore

/// The name of a prepared statement or portal, compared byte for byte.
///
/// Not `String`: Swift holds "é" in one and in two scalars for equal, the server does not, and a
/// name that means one statement here and another there would let a statement past its check.
/// For the same reason only the first 63 bytes count (``maximumBytes``), as at the server. Names
/// that are UTF-8 of up to 15 bytes are held without an allocation.
package struct WireName: Sendable {
  private enum Storage: Sendable {
    case text(String)
    /// Not valid UTF-8.
    case bytes([UInt8])
  }

  private let storage: Storage

  /// The server keeps names in tables with keys of NAMEDATALEN (64) bytes with the closing zero:
  /// two names that differ only behind that are one.
  package static let maximumBytes = 63

  /// The unnamed statement or portal.
  package static let unnamed = WireName("")

  package init(_ text: String) {
    self.init(ByteBuffer(string: text))
  }

  package init(_ slice: ByteBuffer) {
    let slice =
      slice.getSlice(
        at: slice.readerIndex, length: min(slice.readableBytes, Self.maximumBytes)) ?? slice
    if slice.readableBytes == 0 {
      storage = .text("")
    } else if let text = String(validating: slice.readableBytesView, as: UTF8.self) {
      storage = .text(text)
    } else {
      storage = .bytes(Array(slice.readableBytesView))
    }
  }

  package var isUnnamed: Bool { byteCount == 0 }

  package var byteCount: Int {
    switch storage {
    case .text(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    }
  }

  /// The name for showing: what is not UTF-8 is replaced.
  package var text: String {
    switch storage {
    case .text(let text): text
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch storage {
    case .text(let text): buffer.writeZeroTerminated(text.utf8)
    case .bytes(let bytes): buffer.writeZeroTerminated(bytes)
    }
  }
}

extension WireName: Hashable {
  package static func == (left: WireName, right: WireName) -> Bool {
    switch (left.storage, right.storage) {
    case (.text(let left), .text(let right)):
      left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
    case (.bytes(let left), .bytes(let right)): left == right
    case (.text, .bytes), (.bytes, .text): false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch storage {
    case .text(var text): text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    case .bytes(let bytes): bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }
}

extension WireName: CustomStringConvertible, ExpressibleByStringLiteral {
  package var description: String { text }
  package init(stringLiteral value: String) { self.init(value) }
}
