// The few things of HDF5 that are macros, or that want pointers to functions, as functions.
#ifndef VOLUTE_CHDF5_H
#define VOLUTE_CHDF5_H

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

/// Errors are asked for, not printed.
static inline void volute_hdf5_quieten(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

static inline herr_t volute_hdf5_innermost(unsigned n, const H5E_error2_t *error, void *text) {
  if (n == 0 && error->desc != NULL) snprintf((char *)text, 400, "%s", error->desc);
  return 0;
}

/// What went wrong at the bottom of the last call, into at least 400 bytes; empty if nothing did.
static inline void volute_hdf5_error(char *text) {
  text[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, volute_hdf5_innermost, text);
}

static inline hid_t volute_hdf5_open(const char *path) { return H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT); }

/// A file that is in memory only.
static inline hid_t volute_hdf5_create(void) {
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0) return access;
  hid_t file = H5Pset_fapl_core(access, 1 << 20, 0) < 0 ? -1
    : H5Fcreate("volute", H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  return file;
}

static inline hid_t volute_hdf5_dataset(hid_t file, const char *name) { return H5Dopen2(file, name, H5P_DEFAULT); }

/// Whether there is a dataset, or anything else, of this name at the top.
static inline int volute_hdf5_has(hid_t file, const char *name) {
  return H5Lexists(file, name, H5P_DEFAULT) > 0;
}

/// The name of an entry at the top into `text`; its length, or less than 0.
static inline ssize_t volute_hdf5_name(hid_t file, hsize_t place, char *text, size_t size) {
  return H5Lget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, place, text, size, H5P_DEFAULT);
}

static inline hid_t volute_hdf5_float(int is_double) { return is_double ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT; }

/// Rows along the first axis as floats or doubles, from a dataset of up to 32 axes.
static inline herr_t volute_hdf5_read(hid_t set, hsize_t start, hsize_t count, int is_double, void *target) {
  hsize_t sizes[32], starts[32] = {0};
  hid_t space = H5Dget_space(set);
  if (space < 0) return -1;
  int rank = H5Sget_simple_extent_dims(space, sizes, NULL);
  starts[0] = start;
  sizes[0] = count;
  herr_t result = rank < 1 ? -1 : H5Sselect_hyperslab(space, H5S_SELECT_SET, starts, NULL, sizes, NULL);
  hid_t memory = result < 0 ? -1 : H5Screate_simple(rank, sizes, NULL);
  result = memory < 0 ? -1 : H5Dread(set, volute_hdf5_float(is_double), memory, space, H5P_DEFAULT, target);
  if (memory >= 0) H5Sclose(memory);
  H5Sclose(space);
  return result;
}

/// A whole dataset of floats or doubles, in chunks that are deflated; of no chunks where there is nothing.
static inline herr_t volute_hdf5_write(
  hid_t file, const char *name, int rank, const hsize_t *sizes, const hsize_t *chunk, int is_double,
  const void *source) {
  hid_t type = volute_hdf5_float(is_double);
  hid_t space = H5Screate_simple(rank, sizes, NULL), form = H5Pcreate(H5P_DATASET_CREATE), set = -1;
  herr_t result = space < 0 || form < 0 ? -1 : 0;
  if (result >= 0 && chunk != NULL) {
    result = H5Pset_chunk(form, rank, chunk);
    if (result >= 0) result = H5Pset_deflate(form, 4);
  }
  if (result >= 0) set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, form, H5P_DEFAULT);
  result = set < 0 ? -1 : H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, source);
  if (set >= 0) H5Dclose(set);
  if (form >= 0) H5Pclose(form);
  if (space >= 0) H5Sclose(space);
  return result;
}

#endif
