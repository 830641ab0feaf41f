#include "store/job.h"

int job_chunk_lines(int rows, unsigned threads) {
    int lines = rows / (int) (2 * (threads > 0 ? threads : 1));
    return lines < JOB_CHUNK_MIN ? JOB_CHUNK_MIN : lines > JOB_CHUNK_MAX ? JOB_CHUNK_MAX : lines;
}
