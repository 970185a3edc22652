import AuditLog
import ControlCore
import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import PostgresStore

@Suite struct TreeGrowthTests {
  private static func leaf(_ number: UInt64) -> Hash256 {
    MerkleTree.leaf(Array("record \(number)".utf8))
  }

  /// Tiles as the store keeps them.
  private struct Tiles {
    var hashes: [TileNode.Tile: [UInt8]] = [:]

    mutating func extend(_ growth: [TileGrowth]) {
      for part in growth {
        let tile = TileNode.Tile(level: part.level, index: part.index)
        #expect((hashes[tile]?.count ?? 0) == part.start * Hash256.byteCount)
        hashes[tile, default: []] += part.hashes
        #expect(hashes[tile]?.count == part.end * Hash256.byteCount)
      }
    }

    func hash(_ node: Range<UInt64>) -> Hash256? {
      TileNode(node).flatMap { $0.hash(in: hashes[$0.tile] ?? []) }
    }
  }

  @Test func batchesOfAnySizeGiveTheTreeOfTheirRecords() throws {
    var random = SplitMix64(seed: 41)
    for _ in 0..<60 {
      var frontier = MerkleFrontier()
      var grownBy = MerkleFrontier()
      var tiles = Tiles()
      while frontier.size < 900 {
        let count = UInt64.random(
          in: 1...([1, 3, 300].randomElement(using: &random) ?? 1), using: &random)
        let leaves = (frontier.size..<frontier.size + count).map(Self.leaf)
        let growth = TreeGrowth(from: frontier.size, leaves: leaves)
        for leaf in leaves { frontier.append(leaf) }
        let grown = try #require(growth.joined(to: grownBy))
        grownBy = grown.frontier
        tiles.extend(grown.tiles)
        #expect(grownBy == frontier)
      }
      // Every complete subtree is found by the tiles.
      for level in 0..<10 {
        let size = UInt64(1) << UInt64(level)
        let index = UInt64.random(in: 0..<frontier.size / size, using: &random)
        let node = index * size..<(index + 1) * size
        var own = MerkleFrontier()
        for number in node { own.append(Self.leaf(number)) }
        #expect(tiles.hash(node) == own.root)
      }
    }
  }

  @Test func tilesBeginAtTheirLevelsAndEnds() throws {
    var tiles = Tiles()
    var frontier = MerkleFrontier()
    for size in [UInt64(255), 1, 1, 65_279, 1] {
      let leaves = (frontier.size..<frontier.size + size).map(Self.leaf)
      let grown = try #require(TreeGrowth(from: frontier.size, leaves: leaves).joined(to: frontier))
      tiles.extend(grown.tiles)
      frontier = grown.frontier
    }
    #expect(frontier.size == 65_537)
    let counts = tiles.hashes.mapValues { $0.count / Hash256.byteCount }
    #expect(counts[TileNode.Tile(level: 0, index: 256)] == 1)
    #expect(counts[TileNode.Tile(level: 1, index: 0)] == 256)
    #expect(counts[TileNode.Tile(level: 1, index: 1)] == nil)
    #expect(counts[TileNode.Tile(level: 2, index: 0)] == 1)
  }

  @Test func anotherFrontierIsRefused() {
    let growth = TreeGrowth(from: 3, leaves: [Self.leaf(3)])
    #expect(growth.joined(to: MerkleFrontier()) == nil)
  }

  @Test func onlyCompleteSubtreesAreNodes() {
    #expect(TileNode(0..<3) == nil)
    #expect(TileNode(1..<3) == nil)
    #expect(TileNode(4..<4) == nil)
    #expect(TileNode(256..<512)?.tile == TileNode.Tile(level: 1, index: 0))
    #expect(TileNode(256..<384)?.range == 0..<128)
    #expect(TileNode(0..<2)?.hash(in: [UInt8](repeating: 0, count: 63)) == nil)
  }
}

extension DatabaseTests {
  @Suite struct Proofs {
    /// A log of 700 records in batches of many sizes, and its leaves.
    private static func filled(_ store: PostgresStore) async throws -> (LogWriter, [Hash256]) {
      _ = try await store.enrol(agent: 1)
      var log = LogWriter(agent: 1)
      var leaves: [Hash256] = []
      for count in [1, 2, 254, 3, 300, 140] {
        for _ in 0..<count {
          log.write(HeartbeatRecord(openSessions: UInt64(leaves.count), backlogRecords: 0))
        }
        let batch = log.batch()
        leaves += batch.records.map { MerkleTree.leaf(Array($0)) }
        guard case .stored = try await store.ingest(batch) else {
          throw ControlError(.internal, "not stored")
        }
      }
      return (log, leaves)
    }

    private static func root(_ leaves: ArraySlice<Hash256>) -> Hash256 {
      var frontier = MerkleFrontier()
      for leaf in leaves { frontier.append(leaf) }
      return frontier.root
    }

    @Test func proofsFromTilesHold() async throws {
      try await withStore { store in
        let (log, leaves) = try await Self.filled(store)
        let whole = UInt64(leaves.count)
        #expect(whole == 700)
        for size: UInt64 in [1, 2, 3, 255, 256, 257, 512, 699, 700] {
          let root = Self.root(leaves.prefix(Int(size)))
          #expect(try await store.root(log.log, size: size) == root)
          for index in Set([0, size / 2, size - 1]) {
            let path = try await store.inclusionProof(log.log, index: index, size: size)
            #expect(
              MerkleProof.includes(
                leaves[Int(index)], at: index, size: size, root: root, path: path))
          }
          let path = try await store.consistencyProof(log.log, from: size, to: whole)
          #expect(
            MerkleProof.isConsistent((size, root), (whole, log.tree.root), path: path))
        }
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.log_cursor WHERE encode(root, 'hex') = "
              + "'\(log.tree.root)' AND octet_length(frontier) = 32 * 6") == 1)
      }
    }

    @Test func treeThatIsNotThereIsNotFound() async throws {
      try await withStore { store in
        let (log, _) = try await Self.filled(store)
        for act: () async throws -> Void in [
          { _ = try await store.root(log.log, size: 701) },
          { _ = try await store.inclusionProof(log.log, index: 5, size: 5) },
          { _ = try await store.consistencyProof(log.log, from: 9, to: 8) },
          { _ = try await store.root(LogWriter(agent: 1, epoch: 2).log, size: 0) },
        ] {
          let error = await #expect(throws: ControlError.self) { try await act() }
          #expect(error?.code == .notFound)
        }
      }
    }

    @Test func treeOfRecordsFromBeforeIsMadeOfThem() async throws {
      try await withStore { store in
        var (log, leaves) = try await Self.filled(store)
        // As a log looks that was stored before there were trees.
        try await store.run("ALTER TABLE sallyport.merkle_tile DISABLE TRIGGER ALL")
        try await store.run("DELETE FROM sallyport.merkle_tile")
        try await store.run("UPDATE sallyport.log_cursor SET frontier = NULL, root = NULL")
        log.write(HeartbeatRecord(openSessions: 1, backlogRecords: 1))
        let batch = log.batch()
        leaves += batch.records.map { MerkleTree.leaf(Array($0)) }
        #expect(try await store.ingest(batch) == .stored(nextSeq: 701))
        #expect(try await store.root(log.log, size: 701) == log.tree.root)
        let path = try await store.inclusionProof(log.log, index: 300, size: 701)
        #expect(
          MerkleProof.includes(
            leaves[300], at: 300, size: 701, root: log.tree.root, path: path))
      }
    }

    @Test(arguments: [
      "UPDATE sallyport.merkle_tile SET hashes = substr(hashes, 2)",
      "UPDATE sallyport.merkle_tile SET index = index + 9",
      "DELETE FROM sallyport.merkle_tile", "TRUNCATE sallyport.merkle_tile",
      "SET session_replication_role = replica; DELETE FROM sallyport.merkle_tile",
    ])
    func tilesAreExtendedOnly(sql: String) async throws {
      try await withStore { store in
        _ = try await Self.filled(store)
        let error = await #expect(throws: ControlError.self) {
          try await store.transact("tampering") { session in try session.script(sql) }
        }
        #expect(error?.message.contains("refused") == true)
      }
    }

    @Test func tileThatSomebodyChangedStopsTheLog() async throws {
      try await withStore { store in
        var (log, _) = try await Self.filled(store)
        try await store.run("ALTER TABLE sallyport.merkle_tile DISABLE TRIGGER ALL")
        try await store.run(
          "UPDATE sallyport.merkle_tile SET hashes = substr(hashes, 33) WHERE level = 1")
        for _ in 0..<100 { log.write(HeartbeatRecord(openSessions: 1, backlogRecords: 1)) }
        let error = await #expect(throws: ControlError.self) {
          _ = try await store.ingest(log.batch())
        }
        #expect(error?.message.contains("tile 1/0") == true)
        #expect(try await store.number("SELECT count(*) FROM sallyport.record") == 700)
      }
    }
  }
}
