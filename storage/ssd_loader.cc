// SsdLoader: sorted rows become files, and the files part of a table.

#include <rocksdb/sst_file_writer.h>

#include <optional>
#include <utility>

#include "base/check.h"
#include "storage/ssd_database.h"
#include "storage/ssd_table_impl.h"

namespace strata::storage {

struct SsdLoader::Impl {
  SsdTable::Impl& table;
  const int64_t number;
  std::unique_ptr<rocksdb::SstFileWriter> writer = nullptr;  // of the file begun last
  rocksdb::IngestExternalFileArg done = {};
  int64_t files = 0;
  std::optional<uint64_t> last = std::nullopt;

  std::string file_path(int64_t file) const {
    return table.engine.files->path(fmt::format("{}/{}-{}", kSsdLoading, number, file));
  }
  void begin_file();
  void end_file();
};

void SsdLoader::Impl::begin_file() {
  const rocksdb::Options options = table.engine.db->GetOptions(table.family->handle);
  rocksdb::EnvOptions files_as(options);
  files_as.use_direct_writes = table.engine.config.direct_io;
  writer = std::make_unique<rocksdb::SstFileWriter>(files_as, options, table.family->handle);
  table.engine.require(writer->Open(file_path(files++)), table.doing("load"));
}

void SsdLoader::Impl::end_file() {
  if (!writer) return;
  rocksdb::ExternalSstFileInfo info;
  table.engine.require(writer->Finish(&info), table.doing("load"));
  writer.reset();
  done.external_files.push_back(info.file_path);
  done.files_checksums.push_back(info.file_checksum);
  done.files_checksum_func_names.push_back(info.file_checksum_func_name);
}

SsdLoader::SsdLoader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SsdLoader::~SsdLoader() {
  impl_->writer.reset();
  for (int64_t file = 0; file < impl_->files; ++file) {
    impl_->table.engine.env->DeleteFile(impl_->file_path(file)).PermitUncheckedError();
  }
}

void SsdLoader::append(std::span<const uint64_t> hashes, std::span<const std::byte> rows) {
  const auto width = static_cast<size_t>(impl_->table.family->row_bytes);
  STRATA_CHECK(rows.size() == hashes.size() * width, "load");
  const char* bytes = reinterpret_cast<const char*>(rows.data());
  for (size_t i = 0; i < hashes.size(); ++i) {
    STRATA_CHECK(!impl_->last || hashes[i] > *impl_->last, "hashes ascend strictly", hashes[i]);
    impl_->last = hashes[i];
    if (!impl_->writer) impl_->begin_file();
    impl_->table.engine.require(
        impl_->writer->Put(SsdKey(hashes[i]).slice(), {bytes + i * width, width}),
        impl_->table.doing("load"));
    if (impl_->writer->FileSize() >= kSstBytes) impl_->end_file();
  }
}

void SsdLoader::finish() {
  impl_->end_file();
  if (impl_->done.external_files.empty()) return;
  impl_->done.column_family = impl_->table.family->handle;
  impl_->done.options.move_files = true;             // links: rows are written once
  impl_->done.options.verify_file_checksum = false;  // they were computed while writing
  impl_->table.engine.write(impl_->table.doing("load"), [&] {
    return impl_->table.engine.db->IngestExternalFiles({impl_->done});
  });
  impl_->done.external_files.clear();
}

std::unique_ptr<SsdLoader> SsdTable::load() {
  return std::make_unique<SsdLoader>(
      std::make_unique<SsdLoader::Impl>(*impl_, impl_->engine.loaders++));
}

}  // namespace strata::storage
