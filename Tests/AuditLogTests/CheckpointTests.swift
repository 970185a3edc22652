import Crypto
import Foundation
import GatewayModel
import Testing

@testable import AuditLog

@Suite struct CheckpointTests {
  private let log = LogID(
    agent: AgentID(Identifier128(high: 0x0192_3456_789A_7BCD, low: 0x8EF0_1234_5678_9ABC)),
    epoch: 7, lane: 2)
  private let root = MerkleTree.leaf([1, 2, 3])

  @Test func theTextIsThatOfTheSpecification() throws {
    let checkpoint = Checkpoint(log: log, size: 20_852_163, root: root)
    #expect(
      checkpoint.text == """
        sallyport/01923456-789a-7bcd-8ef0-123456789abc/7/2
        20852163
        \(Data(root.bytes).base64EncodedString())

        """)
    #expect(Checkpoint(text: checkpoint.text) == checkpoint)
  }

  @Test(arguments: [
    ("\n20852163\n", "\n020852163\n"), ("\n20852163\n", "\n+20852163\n"),
    ("\n20852163\n", "\n-1\n"), ("\n20852163\n", "\n9223372036854775808\n"),
    ("sallyport/", "sallyport//"), ("sallyport/", "other/"), ("/7/2", "/7"), ("/7/2", "/7/2/1"),
    ("/7/2", "/07/2"), ("=\n", "\n"), ("=\n", "=\nextension\n"), ("=\n", "="),
    ("01923456-789a", "01923456-789A"),
  ])
  func noOtherTextIsOne(change: (String, String)) {
    let text = Checkpoint(log: log, size: 20_852_163, root: root).text
    let changed = text.replacing(change.0, with: change.1)
    #expect(changed != text)
    #expect(Checkpoint(text: changed) == nil)
  }

  /// From the documentation of golang.org/x/mod/sumdb/note, an implementation of its own.
  @Test func aNoteOfAnotherImplementation() throws {
    let note = """
      If you think cryptography is the answer to your problem,
      then you don't know what your problem is.

      \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=

      """
    // The key behind the type, as in `PeterNeumann+c74f20a3+ARpc2Qc…`.
    let key = try #require(Data(base64Encoded: "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"))
    let publicKey = try Curve25519.Signing.PublicKey(rawRepresentation: key.dropFirst())
    let read = try #require(SignedNote(bytes: note.utf8))
    #expect(read.keyName == "PeterNeumann")
    #expect(read.isSigned(by: publicKey))
    #expect(read.bytes == Array(note.utf8))
    #expect(!read.isSigned(by: Curve25519.Signing.PrivateKey().publicKey))
  }

  @Test func aSignedCheckpointNamesItsWriter() throws {
    let key = Curve25519.Signing.PrivateKey()
    let checkpoint = Checkpoint(log: log, size: 1, root: root)
    let bytes = try checkpoint.signed(with: key).bytes
    #expect(Checkpoint(signed: bytes, key: key.publicKey) == checkpoint)
    #expect(Checkpoint(signed: bytes, key: Curve25519.Signing.PrivateKey().publicKey) == nil)
    // The same key under another name is another key.
    let renamed = try SignedNote(signing: checkpoint.text, keyName: "sallyport", with: key)
    #expect(renamed.isSigned(by: key.publicKey))
    #expect(Checkpoint(note: renamed, key: key.publicKey) == nil)
  }

  @Test func noByteOfANoteCanBeChanged() throws {
    let key = Curve25519.Signing.PrivateKey()
    let bytes = try Checkpoint(log: log, size: 300, root: root).signed(with: key).bytes
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1
      #expect(Checkpoint(signed: changed, key: key.publicKey) == nil, "byte \(index)")
    }
    for count in 0..<bytes.count {
      #expect(Checkpoint(signed: bytes.prefix(count), key: key.publicKey) == nil)
    }
    #expect(Checkpoint(signed: bytes + [10], key: key.publicKey) == nil)
    #expect(SignedNote(bytes: [UInt8](repeating: 10, count: 5000)) == nil)
  }
}
