import Foundation
import NIOCore
import Testing

/// The files of Tests/Vectors/wire.
enum Vectors {
  struct Message: Sendable, CustomTestStringConvertible {
    let side: String
    let name: String
    let bytes: ByteBuffer
    var testDescription: String { "\(side) \(name)" }
  }

  struct Value: Sendable {
    let oid: UInt32
    let type: String
    let binary: ByteBuffer
    let text: String
  }

  static let messages: [Message] = lines(of: "messages.tsv").filter { !$0.hasPrefix("#") }.map {
    let columns = $0.components(separatedBy: "\t")
    return Message(side: columns[0], name: columns[1], bytes: hex(columns[2]))
  }

  static let values: [Value] = lines(of: "values.tsv").map {
    let columns = $0.components(separatedBy: "\t")
    return Value(
      oid: UInt32(columns[0]) ?? 0, type: columns[1], binary: hex(columns[2]),
      text: unescaped(columns[3]))
  }

  /// What PostgreSQL 15 sent in a session of simple and extended queries, COPY and errors.
  static let serverSession: ByteBuffer = hex(lines(of: "server-session.hex").joined())

  static func messages(of side: String) -> [Message] { messages.filter { $0.side == side } }

  private static func lines(of file: String) -> [String] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let path = folder.appending(path: "Vectors/wire/\(file)")
    let text = (try? String(contentsOf: path, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }

  static func hex(_ text: String) -> ByteBuffer {
    let digits = Array(text.utf8).map { UInt8(String(UnicodeScalar($0)), radix: 16) ?? 0 }
    return ByteBuffer(
      bytes: stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
  }

  /// Undoes what COPY's text format escapes.
  private static func unescaped(_ text: String) -> String {
    var result = ""
    var scalars = text.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      guard scalar == "\\", let next = scalars.next() else {
        result.unicodeScalars.append(scalar)
        continue
      }
      switch next {
      case "n": result += "\n"
      case "t": result += "\t"
      default: result.unicodeScalars.append(next)
      }
    }
    return result
  }
}
