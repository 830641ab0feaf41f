#include "store/job.h"

int job_chunk_lines(int rows, unsigned threads, int max) {
    int lines = rows / (int) (2 * (threads > 0 ? threads : 1));
    return lines < JOB_CHUNK_MIN ? JOB_CHUNK_MIN : lines > max ? max : lines;
}
